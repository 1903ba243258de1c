"""What can be drawn, and what training must not see."""

from collections import Counter

from starter.catalog import SPOKEN, load_catalog


def test_held_out_pairs_never_appear_among_the_seen() -> None:
    catalog = load_catalog()
    assert not set(catalog.held_out()) & set(catalog.seen())
    assert len(catalog.seen()) + len(catalog.held_out()) == len(catalog.things) * 12


def test_each_thing_and_each_background_is_held_out_equally_often() -> None:
    held_out = load_catalog().held_out()
    assert set(Counter(thing for thing, _ in held_out).values()) == {2}
    assert len(set(Counter(background for _, background in held_out).values())) == 1


def test_a_name_belongs_to_one_thing_only() -> None:
    catalog = load_catalog()
    for language in SPOKEN:
        names = [name for thing in catalog.things for name in thing.names[language]]
        assert len(names) == len(set(names))


def test_there_are_enough_things_to_play_with() -> None:
    catalog = load_catalog()
    assert len(catalog.things) >= 24
    assert len(catalog.backgrounds) == 12
