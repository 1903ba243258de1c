"""The training of the text encoder, alone: the same wish in any words becomes one embedding.

It owns the heads that pull the embedding into place and are thrown away afterwards; it must not
know the VAE or the denoiser. Learning the text through the diffusion loss was tried and fails:
backgrounds come at once, things hardly at all.
"""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import QwenImagePipeline
from torch import Tensor, nn
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer

from starter.catalog import SPOKEN, Catalog, Language
from starter.fit import Plan, fit
from starter.model import WIDTH
from starter.prompts import Speaker, Wish
from starter.scenes import Scene, draw

PREFIX = 34  # tokens of the template that the stock pipeline drops
SUFFIX = 5  # tokens of the template after the prompt; each has seen the whole prompt
THUMB = 16
PICTURE_WEIGHT, NAME_WEIGHT, PAIR_WEIGHT = 2.0, 0.3, 1.0
OTHERS = (Language.ZH, Language.ZH, Language.TW, Language.MIXED)


@dataclass(frozen=True, slots=True)
class AlignPlan:
    """How the text encoder is trained."""

    vocabulary: int
    corpus: int
    wishes: int
    learn: Plan


def template() -> str:
    """Return the prompt template of the stock pipeline."""
    # the template is set in __init__, before any part is used
    bare = QwenImagePipeline(None, None, None, None, None)
    return str(bare.prompt_template_encode)


def corpus(speaker: Speaker, count: int, seed: int) -> list[str]:
    """Return texts for the tokenizer: prompts of all languages, and the template very often."""
    rng = random.Random(seed)
    wishes = wishes_for(speaker.catalog, count, rng)
    prompts = [speaker.spoken(wish, language, rng) for wish in wishes for language in Language]
    return [template().format("")] * (2 * len(prompts)) + prompts


def wishes_for(catalog: Catalog, count: int, rng: random.Random) -> list[Wish]:
    """Draw wishes: most name a seen pair, some a thing alone, few a background or nothing."""
    seen, wishes = catalog.seen(), []
    for _ in range(count):
        thing, background = rng.choice(seen)
        kind = rng.random()
        wishes.append(
            Wish(
                thing=thing if kind < 0.92 else None,
                background=background if kind < 0.80 or 0.92 <= kind < 0.96 else None,
            )
        )
    return wishes


def embed(
    tokenizer: Qwen2Tokenizer, text_encoder: Qwen2_5_VLForConditionalGeneration, prompts: list[str]
) -> tuple[Tensor, Tensor]:
    """Return what the stock pipeline would: the states after the prefix, and their mask."""
    frame = template()
    batch = tokenizer([frame.format(text) for text in prompts], padding=True, return_tensors="pt")
    states = text_encoder.model(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask
    ).last_hidden_state
    return states[:, PREFIX:], batch.attention_mask[:, PREFIX:]


class Heads(nn.Module):
    """The text encoder with what it is asked to tell: thing, background and a small picture."""

    def __init__(self, encoder: Qwen2_5_VLForConditionalGeneration, catalog: Catalog) -> None:
        super().__init__()
        self.encoder = encoder
        self.thing = nn.Linear(SUFFIX * WIDTH, len(catalog.things) + 1)
        self.background = nn.Linear(SUFFIX * WIDTH, len(catalog.backgrounds) + 1)
        self.picture = nn.Linear(SUFFIX * WIDTH, 3 * THUMB * THUMB)

    def endings(self, tokenizer: Qwen2Tokenizer, prompts: list[str]) -> Tensor:
        """Return the states of the template's last tokens, one flat row for each prompt."""
        states, mask = embed(tokenizer, self.encoder, prompts)
        last = mask.sum(dim=1, keepdim=True) + torch.arange(-SUFFIX, 0)
        return states.gather(1, last[..., None].expand(-1, -1, WIDTH)).flatten(1)


def learn(
    heads: Heads,
    tokenizer: Qwen2Tokenizer,
    speaker: Speaker,
    plan: AlignPlan,
    font: Path,
    path: Path,
) -> None:
    """Train the text encoder until names and languages are told apart and together."""
    thumbs = _thumbs(speaker.catalog, font)

    def loss_at(step: int) -> Tensor:
        rng = random.Random(step)
        wishes = wishes_for(speaker.catalog, plan.wishes, rng)
        english = [speaker.spoken(wish, Language.EN, rng) for wish in wishes]
        other = [speaker.spoken(wish, rng.choice(OTHERS), rng) for wish in wishes]
        rows = heads.endings(tokenizer, english + other)
        return _loss(heads, rows, wishes, thumbs)

    fit(heads, plan.learn, loss_at, path)


def _thumbs(catalog: Catalog, font: Path) -> Tensor:
    """Return the (thing, background) pictures at thumb size, each pixel in -1..1."""
    rows = [
        [
            draw(Scene(t, b, 0.72, 0.5, 0.5, 0.0, False), thing.emoji, background.rgb, THUMB, font)
            for b, background in enumerate(catalog.backgrounds)
        ]
        for t, thing in enumerate(catalog.things)
    ]
    return torch.from_numpy(np.stack(rows)).flatten(2).float() / 127.5 - 1.0


def _loss(heads: Heads, rows: Tensor, wishes: list[Wish], thumbs: Tensor) -> Tensor:
    nothing, plain = heads.thing.out_features - 1, heads.background.out_features - 1
    things = torch.tensor([nothing if w.thing is None else w.thing for w in wishes] * 2)
    backgrounds = torch.tensor(
        [plain if w.background is None else w.background for w in wishes] * 2
    )
    names = F.cross_entropy(heads.thing(rows), things)
    names = names + F.cross_entropy(heads.background(rows), backgrounds)
    full = (things != nothing) & (backgrounds != plain)
    wanted = thumbs[things[full], backgrounds[full]]
    picture = F.mse_loss(heads.picture(rows[full]), wanted)
    english, other = F.normalize(rows, dim=1).chunk(2)
    apart = (english - other).square().sum(dim=1).mean()
    return PICTURE_WEIGHT * picture + NAME_WEIGHT * names + PAIR_WEIGHT * apart


@torch.no_grad()
def held_out_accuracy(
    heads: Heads, tokenizer: Qwen2Tokenizer, speaker: Speaker, phrasings: int
) -> dict[Language, float]:
    """Return, by language, how many held-out wishes are told exactly in plain phrasings."""
    pairs = speaker.catalog.held_out()
    told = {}
    for language in SPOKEN:
        right = 0
        for phrasing in range(phrasings):
            prompts = [speaker.plain(Wish(*pair), language, phrasing) for pair in pairs]
            rows = heads.endings(tokenizer, prompts)
            guess = torch.stack((heads.thing(rows).argmax(1), heads.background(rows).argmax(1)), 1)
            right += int((guess == torch.tensor(pairs)).all(dim=1).sum())
        told[language] = right / (len(pairs) * phrasings)
    return told
