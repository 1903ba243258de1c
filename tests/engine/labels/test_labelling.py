"""Every file says what it is; the signature comes last; the pixels stay as they were drawn."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from engine.labels import reading, visible
from engine.labels.aigc import Aigc
from engine.labels.errors import ProviderInvalid
from engine.labels.labelling import Labels, Visible
from engine.labels.seal import Seal, Signature
from engine.labels.tags import Tags
from engine.pictures.images import pixel_sha256
from engine.recipe import Recipe
from tests.engine.labels.conftest import NUMBER, certificates

ROOM = 10 * 2**20


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def jpeg(content: bytes) -> bytes:
    """Make a JPEG of a file as somebody might who keeps its metadata."""
    said, out = reading.tags.read(content), io.BytesIO()
    opened(content).save(out, "JPEG", quality=90, **said.for_saving())
    return out.getvalue()


def test_a_kept_file_says_everything_and_has_the_pixels_that_were_drawn(
    labels: Labels, whole: bytes, recipe: Recipe, picture: Image.Image
) -> None:
    found = reading.read(whole, labels)
    assert found.recipe == recipe
    assert found.aigc == Aigc.generated(labels.provider, NUMBER)
    assert found.signed.signature is Signature.OURS
    assert "A host" in found.signed.signer
    assert pixel_sha256(opened(whole)) == pixel_sha256(picture)


def test_the_aigc_field_stands_where_the_standard_looks_for_it(whole: bytes) -> None:
    image = opened(whole)
    values = json.loads(image.info["AIGC"])
    assert values["Label"] == "1"
    assert values["ProduceID"] == values["PropagateID"] == NUMBER
    comment = image.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment]
    assert comment.startswith(b"ASCII\0\0\0")
    assert json.loads(comment[8:])["AIGC"] == values
    packet = image.info["XML:com.adobe.xmp"]
    assert 'xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/"' in packet
    assert "<TC260:AIGC>{" in packet
    assert "trainedAlgorithmicMedia" in packet
    assert all(33 <= ord(letter) < 127 for letter in image.info["AIGC"])


@pytest.mark.parametrize("provider", ["", "my bot", '"quoted"', "back\\slash", "机器人", "x" * 65])
def test_a_provider_that_does_not_fit_into_the_field_is_refused(provider: str) -> None:
    with pytest.raises(ProviderInvalid):
        Labels(provider=provider)


def test_a_small_enough_file_is_handed_out_as_it_is(labels: Labels, whole: bytes) -> None:
    assert labels.copy(whole, NUMBER, ROOM) == (whole, "png")


@pytest.mark.parametrize(
    "make", [lambda by, whole: by.copy(whole, NUMBER, len(whole) // 2)[0], None]
)
def test_recipe_and_label_survive_in_webp_and_jpeg(
    make: Callable[[Labels, bytes], bytes] | None, labels: Labels, whole: bytes, recipe: Recipe
) -> None:
    copy = make(labels, whole) if make else jpeg(whole)
    assert reading.kind_of(copy) == ("webp" if make else "jpeg")
    found = reading.read(copy, labels)
    assert found.recipe == recipe
    assert found.aigc == Aigc.generated(labels.provider, NUMBER)
    # Whoever saves it anew has no key.
    assert found.signed.signature is (Signature.OURS if make else Signature.NONE)


def test_a_file_from_before_labels_gets_them_when_it_is_handed_out(
    labels: Labels, drawn: bytes, recipe: Recipe, picture: Image.Image
) -> None:
    copy, kind = labels.copy(drawn, NUMBER, ROOM)
    found = reading.read(copy, labels)
    assert (kind, found.recipe, found.signed.signature) == ("png", recipe, Signature.OURS)
    assert pixel_sha256(opened(copy)) == pixel_sha256(picture)


def test_a_wordless_file_keeps_the_prompt_to_itself(
    labels: Labels, drawn: bytes, recipe: Recipe
) -> None:
    kept = labels.kept(drawn, recipe, NUMBER, wordless=True)
    found = reading.read(kept, labels).recipe
    assert found
    assert found.request == replace(recipe.request, prompt="", negative="")
    said = json.dumps(recipe.request.prompt)[1:-1].encode()
    assert said in drawn
    assert said not in kept


@pytest.mark.parametrize("text", sorted(visible.TEXTS.values()))
@pytest.mark.parametrize("size", [(160, 96), (64, 64), (480, 1200)])
def test_the_visible_label_is_a_twentieth_of_the_shorter_side(
    text: str, size: tuple[int, int]
) -> None:
    plain = Image.new("RGB", size)
    ink = visible.drawn(plain, text).convert("L").point(lambda level: 255 * (level > 128))
    bounds = ink.getbbox()
    assert bounds
    assert bounds[3] - bounds[1] >= min(size) / 20
    assert bounds[0] > size[0] * 0.2
    assert bounds[3] <= size[1]
    assert plain.getbbox() is None


def test_a_visible_label_is_on_the_copy_and_the_copy_is_signed_after_it(
    labels: Labels, whole: bytes, recipe: Recipe, picture: Image.Image
) -> None:
    copy, kind = labels.copy(whole, NUMBER, ROOM, "AI生成")
    found = reading.read(copy, labels)
    assert (kind, found.recipe, found.signed.signature) == ("png", recipe, Signature.OURS)
    shown = opened(copy)
    assert shown.crop((0, 0, 160, 60)).tobytes() == picture.crop((0, 0, 160, 60)).tobytes()
    assert shown.tobytes() != picture.tobytes()


@pytest.mark.parametrize(
    ("locale", "text"), [("zh-TW", "AI生成"), ("zh-CN", "AI生成"), ("ja", "AI-generated")]
)
def test_the_visible_label_speaks_the_members_language(locale: str, text: str) -> None:
    assert visible.text_for(locale) == text


def test_thumbnails_and_previews_are_labelled(labels: Labels, whole: bytes, drawn: bytes) -> None:
    expected = Aigc.generated(labels.provider, NUMBER)
    assert reading.read(labels.small(whole, NUMBER, 64), labels).aigc == expected
    preview = reading.read(labels.preview(drawn, NUMBER), labels)
    assert (preview.aigc, preview.recipe) == (expected, None)


def test_a_changed_file_is_told_from_one_of_ours(labels: Labels, whole: bytes) -> None:
    changed = bytearray(whole)
    changed[-40] ^= 1
    assert reading.read(bytes(changed), labels).signed.signature is Signature.BROKEN


def test_another_hosts_signature_is_not_ours(
    labels: Labels, drawn: bytes, recipe: Recipe, tmp_path: Path
) -> None:
    other = replace(labels, seal=Seal.load(*certificates(tmp_path)))
    signed = reading.read(other.kept(drawn, recipe, NUMBER), labels).signed
    assert signed.signature is Signature.OTHER
    assert "Another host" in signed.signer


def test_saving_a_file_anew_loses_the_signature_alone(
    labels: Labels, whole: bytes, recipe: Recipe
) -> None:
    info, out = PngInfo(), io.BytesIO()
    info.add_text("reroll", recipe.dumps())
    opened(whole).save(out, "PNG", pnginfo=info)
    found = reading.read(out.getvalue(), labels)
    assert (found.recipe, found.signed.signature) == (recipe, Signature.NONE)


def test_members_may_be_allowed_to_do_without_the_visible_label() -> None:
    assert [Visible(one) for one in ("off", "on", "always")] == list(Visible)


def test_tags_that_are_read_are_those_that_were_written(whole: bytes, recipe: Recipe) -> None:
    said = reading.tags.read(whole)
    assert said.recipe == recipe.dumps()
    assert Tags().in_png(whole).count(b"AIGC") == 0
