"""Named random streams."""

from wordlab import rng


def test_the_same_name_gives_the_same_stream_and_another_name_another():
    first = rng.stream(1, "word2vec", 3).integers(0, 2**62, 10)
    assert (first == rng.stream(1, "word2vec", 3).integers(0, 2**62, 10)).all()
    assert (first != rng.stream(1, "word2vec", 4).integers(0, 2**62, 10)).any()
    assert (first != rng.stream(2, "word2vec", 3).integers(0, 2**62, 10)).any()


def test_names_do_not_run_together():
    assert rng.derive(1, "ab", "c") != rng.derive(1, "a", "bc")
    assert rng.derive(1, 1) != rng.derive(11)


def test_the_seed_of_a_stream_is_fixed_for_all_machines():
    assert rng.derive(1, "splits") == 1403022204916308174
