#!/usr/bin/env python3
"""Checks that the output of `bench --json` is complete and consistent.

usage: check_bench.py BENCH.json BATCH[,BATCH...] THREADS RUNS [integer]

With several batches, which --sweep measures, the file has a list of results. `integer` requires that all multiply-adds are those of 8-bit integers and that their peak rate was measured.
"""
import json
import math
import sys

results = json.load(open(sys.argv[1]))
batches, (threads, runs) = [int(a) for a in sys.argv[2].split(",")], [int(a) for a in sys.argv[3:5]]
results = results if len(batches) > 1 else [results]
assert len(results) == len(batches), results
for batch, result in zip(batches, results):
    assert [result["batch"], result["threads"], result["runs"]] == [batch, threads, runs], result
    assert result["cpu"], result
    latency = result["latency_ms"]
    assert set(latency) == {"min", "mean", "std", "p50", "p90", "p99"}, latency
    assert 0 < latency["min"] <= latency["p50"] <= latency["p90"] <= latency["p99"], latency
    assert latency["min"] <= latency["mean"] <= latency["p99"] and latency["std"] >= 0, latency
    assert math.isclose(result["images_per_second"], 1e3 * result["batch"] / latency["min"], rel_tol=1e-2), result
    if sys.argv[5:] == ["integer"]:
        assert result["integer_multiply_adds"] == result["multiply_adds"] > 0, result
        assert result["integer_peak_gflops"] > 0 and result["share_of_peak"] > 0, result
    else:
        assert result["integer_multiply_adds"] == result["integer_peak_gflops"] == 0, result
