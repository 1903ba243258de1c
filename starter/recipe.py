"""The numbers of one making, and where it takes place.

It owns two recipes: `SHIPPED`, which made the weights in this repository, and `TOY`, which proves
in seconds that the stages run. It must not know what a stage does.
"""

from dataclasses import dataclass
from pathlib import Path

from starter.align import AlignPlan
from starter.catalog import Catalog, load_catalog
from starter.denoise import DenoisePlan
from starter.distill import DistillPlan
from starter.errors import StageMissingError
from starter.fit import Plan
from starter.latents import PoolPlan
from starter.prompts import Speaker, load_speaker
from starter.vae import VaePlan


@dataclass(frozen=True, slots=True)
class Recipe:
    """All numbers of one making."""

    things: int | None
    side: int
    vae: VaePlan
    pool: PoolPlan
    align: AlignPlan
    denoise: DenoisePlan
    distill: DistillPlan


SHIPPED = Recipe(
    things=None,
    side=128,
    vae=VaePlan(
        pool=4000,
        crop=64,
        crops=16,
        whole=5,
        crops_until=0.72,
        learn=Plan(5000, 2e-3, warm_up=100, decay_from=0.6, average=0.998, save_every=250),
        refine=Plan(4500, 1e-3, warm_up=100, decay_from=0.667, average=0.998, save_every=250),
    ),
    pool=PoolPlan(counted_each=2, paired=9000, styled_each=2, narrow_each=2),
    align=AlignPlan(
        vocabulary=2600,
        corpus=9000,
        wishes=32,
        learn=Plan(
            4500,
            3e-3,
            warm_up=60,
            weight_decay=0.01,
            average=0.99,
            save_every=100,
            muon=r"\.layers\.",
        ),
    ),
    denoise=DenoisePlan(
        batch=24,
        learn=Plan(
            9000,
            2.5e-3,
            warm_up=100,
            decay_from=0.4,
            floor=0.03,
            average=0.999,
            save_every=250,
            again_from=4000,
            muon=r"transformer_blocks\.\d+\.(attn|img_mlp|txt_mlp)\.",
        ),
    ),
    distill=DistillPlan(
        rank=12,
        trajectories=1200,
        teacher_steps=20,
        guidance=3.0,
        batch=16,
        learn=Plan(1200, 2e-3, warm_up=50, decay_from=0.4, average=0.99, save_every=250),
    ),
)
TOY = Recipe(
    things=4,
    side=64,
    vae=VaePlan(
        pool=8,
        crop=32,
        crops=2,
        whole=1,
        crops_until=0.5,
        learn=Plan(4, 1e-3, save_every=2),
        refine=Plan(2, 1e-3, save_every=2),
    ),
    pool=PoolPlan(counted_each=1, paired=8, styled_each=1, narrow_each=1),
    align=AlignPlan(vocabulary=500, corpus=60, wishes=2, learn=Plan(4, 1e-3, save_every=2)),
    denoise=DenoisePlan(batch=2, learn=Plan(4, 1e-3, save_every=2)),
    distill=DistillPlan(
        rank=2,
        trajectories=4,
        teacher_steps=4,
        guidance=2.0,
        batch=2,
        learn=Plan(4, 1e-3, save_every=2),
    ),
)


@dataclass(frozen=True, slots=True)
class Making:
    """One run of a recipe: where its files lie and what it draws from."""

    recipe: Recipe
    work: Path
    font: Path
    target: Path

    @property
    def judge(self) -> Path:
        """Return where the judge is kept: beside the folder that ships."""
        return self.target.with_name("judge.npz")

    @property
    def lightning(self) -> Path:
        """Return the folder of the distilled LoRA, beside the folder that ships."""
        return self.target.with_name("lightning")

    @property
    def catalog(self) -> Catalog:
        """Return the catalog as far as the recipe uses it."""
        return load_catalog(self.recipe.things)

    @property
    def speaker(self) -> Speaker:
        """Return the phrasings for that catalog."""
        return load_speaker(self.catalog)

    def file(self, name: str) -> Path:
        """Return a file of the work folder."""
        return self.work / name

    def needed(self, name: str) -> Path:
        """Return a file that an earlier stage must have left."""
        path = self.file(name)
        if not path.exists():
            raise StageMissingError(path)
        return path
