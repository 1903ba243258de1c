"""The training of the text encoder, alone: the same wish in any words becomes one embedding.

It owns the heads that pull the embedding into place and are thrown away afterwards; it must not
know the VAE or the denoiser. Learning the text through the diffusion loss was tried and fails:
backgrounds come at once, things hardly at all. Here the last 16 states of a prompt must paint the
latents of the scene, each its own tile of a 4 x 4 canvas with one linear map for all, and say
with their first 16 numbers which tile that is; what the denoiser has left to learn about the text
is to look at the tile where it paints.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import DynamicCache, Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer

from starter.catalog import SPOKEN, Catalog, Language
from starter.fit import Plan, fit
from starter.latents import Kind, LatentPool
from starter.model import CANVAS, PREFIX, SUFFIX, WIDTH, Z_DIM, template
from starter.prompts import Speaker
from starter.scenes import UPRIGHT
from starter.wishes import Relation, Style, Wish, mixed_wishes, vaguer

PAINT_WEIGHT, NAME_WEIGHT, PAIR_WEIGHT, PLACE_WEIGHT = 2.0, 0.1, 0.5, 1.0
PLACE = 3.0  # how strongly a state says which tile it is
OTHERS = (Language.ZH, Language.ZH, Language.TW, Language.MIXED)
SHARES: Mapping[Kind, float] = {
    Kind.ALONE: 0.46,
    Kind.COUNTED: 0.16,
    Kind.PAIRED: 0.26,
    Kind.STYLED: 0.12,
}
SHAPES = 4 + len(Relation) + len(Style)  # what else there is to tell: count, relation or style


@dataclass(frozen=True, slots=True)
class AlignPlan:
    """How the text encoder is trained."""

    vocabulary: int
    corpus: int
    wishes: int
    learn: Plan


def corpus(speaker: Speaker, count: int, seed: int) -> list[str]:
    """Return prompts of all languages for the tokenizer to learn from."""
    rng = random.Random(seed)
    wishes = mixed_wishes(speaker.catalog, count, rng)
    said = [vaguer(wish, rng) for wish in wishes]
    return [speaker.spoken(wish, language, rng) for wish in said for language in Language]


def embed(
    tokenizer: Qwen2Tokenizer, text_encoder: Qwen2_5_VLForConditionalGeneration, prompts: list[str]
) -> tuple[Tensor, Tensor]:
    """Return what the stock pipeline would: (B, L, width) states after the prefix, and their mask.

    Attention is causal, so the prefix is computed once for the whole batch.
    """
    frame = template()
    batch = tokenizer([frame.format(text) for text in prompts], padding=True, return_tensors="pt")
    model = text_encoder.model.language_model
    cache = DynamicCache()
    model(input_ids=batch.input_ids[:1, :PREFIX], cache=cache)
    cache.batch_repeat_interleave(len(prompts))
    states = model(
        input_ids=batch.input_ids[:, PREFIX:],
        attention_mask=batch.attention_mask,
        cache=cache,
    ).last_hidden_state
    return states, batch.attention_mask[:, PREFIX:]


def tiles(latents: Tensor) -> Tensor:
    """Cut (B, C, H, W) latents into (B, 16, C * H/4 * W/4), tile by tile in reading order."""
    batch, channels, height, width = latents.shape
    cut = latents.view(batch, channels, CANVAS, height // CANVAS, CANVAS, width // CANVAS)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(batch, SUFFIX, -1)


class Heads(nn.Module):
    """The text encoder with what it is asked to tell: the names, and the picture itself."""

    def __init__(
        self, encoder: Qwen2_5_VLForConditionalGeneration, catalog: Catalog, latent_side: int
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.nothing, self.plain = len(catalog.things), len(catalog.backgrounds)
        self.thing = nn.Linear(SUFFIX * WIDTH, self.nothing + 1)
        self.other = nn.Linear(SUFFIX * WIDTH, self.nothing + 1)
        self.background = nn.Linear(SUFFIX * WIDTH, self.plain + 1)
        self.shape = nn.Linear(SUFFIX * WIDTH, SHAPES)
        self.paint = nn.Linear(WIDTH, Z_DIM * (latent_side // CANVAS) ** 2)

    def endings(self, tokenizer: Qwen2Tokenizer, prompts: list[str]) -> Tensor:
        """Return the states of the template's last tokens, (B, 16, width)."""
        states, mask = embed(tokenizer, self.encoder, prompts)
        last = mask.sum(dim=1, keepdim=True) + torch.arange(-SUFFIX, 0)
        return states.gather(1, last[..., None].expand(-1, -1, WIDTH))

    def naming(self, states: Tensor, wishes: list[Wish]) -> Tensor:
        """Return the loss of telling what was wished for, from (B, 16, width) states."""
        flat = states.flatten(1)
        things = [self.nothing if wish.thing is None else wish.thing for wish in wishes]
        others = [self.nothing if wish.other is None else wish.other for wish in wishes]
        grounds = [self.plain if wish.background is None else wish.background for wish in wishes]
        loss = F.cross_entropy(self.thing(flat), torch.tensor(things))
        loss = loss + F.cross_entropy(self.other(flat), torch.tensor(others))
        loss = loss + F.cross_entropy(self.background(flat), torch.tensor(grounds))
        return loss + F.cross_entropy(self.shape(flat), torch.tensor([_shape(w) for w in wishes]))


def _shape(wish: Wish) -> int:
    if wish.other is not None:
        return 4 + tuple(Relation).index(wish.relation)
    if wish.style is not Style.PLAIN:
        return 4 + len(Relation) + tuple(Style).index(wish.style)
    return wish.count - 1


def learn(
    heads: Heads,
    tokenizer: Qwen2Tokenizer,
    speaker: Speaker,
    plan: AlignPlan,
    pool: LatentPool,
    path: Path,
) -> None:
    """Train the text encoder until it paints what is said, in every language alike."""

    def loss_at(step: int) -> Tensor:
        rng = random.Random(step)
        wishes, latents = _draw(pool, plan.wishes, rng)
        english = [speaker.spoken(wish, Language.EN, rng) for wish in wishes]
        other = [speaker.spoken(wish, rng.choice(OTHERS), rng) for wish in wishes]
        with torch.autocast("cpu", torch.bfloat16):
            states = heads.endings(tokenizer, english + other)
            painted = heads.paint(states).float()
            names = heads.naming(states, wishes * 2)
        wanted = tiles(latents).repeat(2, 1, 1)
        places = (PLACE * torch.eye(SUFFIX)).expand(len(states), -1, -1)
        misplaced = F.mse_loss(states[..., :SUFFIX].float(), places)
        first, second = F.normalize(states.float(), dim=-1).chunk(2)
        apart = (first - second).square().sum(dim=-1).mean()
        return (
            PAINT_WEIGHT * F.mse_loss(painted, wanted)
            + NAME_WEIGHT * names
            + PAIR_WEIGHT * apart
            + PLACE_WEIGHT * misplaced
        )

    fit(heads, plan.learn, loss_at, path)


def _draw(pool: LatentPool, count: int, rng: random.Random) -> tuple[list[Wish], Tensor]:
    """Draw scenes and what may have been said of them; what is unsaid is painted as an average."""
    wishes, latents = [], []
    for kind in rng.choices(tuple(SHARES), weights=tuple(SHARES.values()), k=count):
        group = pool.groups[kind]
        index = rng.randrange(len(group.wishes))
        wishes.append(vaguer(group.wishes[index], rng))
        latents.append(group.latents[index, UPRIGHT])
    return wishes, torch.stack(latents).float()


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
            flat = heads.endings(tokenizer, prompts).flatten(1)
            guess = torch.stack((heads.thing(flat).argmax(1), heads.background(flat).argmax(1)), 1)
            right += int((guess == torch.tensor(pairs)).all(dim=1).sum())
        told[language] = right / (len(pairs) * phrasings)
    return told
