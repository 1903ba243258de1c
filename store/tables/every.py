"""All tables at once, for who looks at them whatever they hold: they are known once read."""

from store.tables import (
    host,
    lines,
    loras,
    moderation,
    money,
    orders,
    servers,
    showcase,
    trainings,
)
from store.tables.base import Base

ROOMS = (host, lines, loras, moderation, money, orders, servers, showcase, trainings)
METADATA = Base.metadata
