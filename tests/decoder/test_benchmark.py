from benchmarks import decoder


def test_small_run_reports_small_errors() -> None:
    rows = decoder.run_task("compare", 0, 1, True)
    assert all(row["error"] < 1e-5 and row["seconds"] > 0 for row in rows)
    assert {"ratio" in row for row in rows} == {True, False}
    assert 0 < decoder.run_task("memory", 0, 1, True)[0]["reported"] < 20


def test_matrix_product_is_the_same_average_within_its_rounding() -> None:
    row = decoder.compare(decoder.Case(2, 1.0, 300), 1, True)
    assert row["their error"] < 1e-5
    assert decoder.compare(decoder.Case(2, 1e-3, 300), 1, True)["their error"] > 2e-5
    assert decoder.compare(decoder.Case(2, 1e-3, 300), 1, True)["error"] < 1e-5
