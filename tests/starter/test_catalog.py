"""What can be drawn, and what training must not see."""

from collections import Counter

import pytest

from starter.catalog import SPOKEN, Catalog, Language, load_catalog, strangers


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def test_held_out_pairs_never_appear_among_the_seen(catalog: Catalog) -> None:
    assert not set(catalog.held_out()) & set(catalog.seen())
    assert len(catalog.seen()) + len(catalog.held_out()) == len(catalog.things) * 12


def test_each_thing_is_held_out_twice_and_no_background_is_favoured(catalog: Catalog) -> None:
    held_out = catalog.held_out()
    assert set(Counter(thing for thing, _ in held_out).values()) == {2}
    each = Counter(background for _, background in held_out).values()
    assert max(each) - min(each) <= 0.1 * max(each)


def test_backgrounds_offered_for_several_things_are_seen_with_each(catalog: Catalog) -> None:
    held_out = set(catalog.held_out())
    offered = catalog.seen_backgrounds(3, 7)
    assert 8 <= len(offered) <= 10
    assert not held_out & {(thing, background) for thing in (3, 7) for background in offered}


def test_every_thing_has_strangers_and_many_more_neighbours(catalog: Catalog) -> None:
    count = len(catalog.things)
    for thing in range(count):
        apart = sum(strangers(thing, other) for other in range(count) if other != thing)
        assert 0.1 * count < apart < 0.2 * count


def test_a_name_belongs_to_one_thing_only_in_any_case(catalog: Catalog) -> None:
    for language in SPOKEN:
        names = [n.casefold() for thing in catalog.things for n in thing.names[language]]
        assert [name for name, times in Counter(names).items() if times > 1] == []


def test_no_thing_is_called_like_a_colour(catalog: Catalog) -> None:
    for language in SPOKEN:
        colours = {name for ground in catalog.backgrounds for name in ground.names[language]}
        things = {name for thing in catalog.things for name in thing.names[language]}
        assert not colours & things


def test_keys_and_glyphs_are_unique_and_every_counter_is_given(catalog: Catalog) -> None:
    assert len({thing.emoji for thing in catalog.things}) == len(catalog.things)
    assert all(set(thing.counters) == {Language.ZH, Language.TW} for thing in catalog.things)
    assert all(word for thing in catalog.things for word in thing.counters.values())


def test_there_is_plenty_to_play_with(catalog: Catalog) -> None:
    assert len(catalog.things) >= 240
    assert len(catalog.backgrounds) == 12
    assert len(load_catalog(things=5).things) == 5
