"""Why no training can be ordered now.

StoreRefused
├── TrainingRuns        another training of the member's has not ended
├── TrainingsNotIncluded   the plan holds none of them
├── TrainingsSpent      the plan holds no more of them today
└── TrainerMissing      nobody trains LoRAs of this base at the moment
"""

from store.errors import StoreRefused


class TrainingRuns(StoreRefused):
    """Another training of the member's waits or runs."""

    code = "training_runs"


class TrainerMissing(StoreRefused):
    """No process is up that trains on this base. Params: base."""

    code = "trainer_missing"


class TrainingsNotIncluded(StoreRefused):
    """The plan holds no trainings at all. Params: plan."""

    code = "trainings_not_included"


class TrainingsSpent(StoreRefused):
    """No more trainings today. Params: limit, plan."""

    code = "trainings_spent"
