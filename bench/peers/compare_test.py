#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests compare with stand-ins for both sides: python3 compare_test.py."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent

# Each call is logged; times come from a table; a cold start waits WAIT seconds.
STAND_IN = '''
import json, os, sys, time
side, args = sys.argv[1], sys.argv[2:]
conf = json.load(open(os.environ["STAND_IN"]))
runs = int(args[args.index("--runs") + 1])
cache = os.environ.get("MESA_SHADER_CACHE_DIR")
if side == "ort":
    names = [os.path.basename(args[-1]).replace(".onnx", "")]
    if "--data" in args:
        names = [os.path.basename(os.path.dirname(args[args.index("--data") + 1]))]
        if names[0] in conf.get("refused", []) and "--fallback" not in args:
            sys.exit("fallback to CPU EP has been disabled")
elif "ops" in args:
    shapes = json.load(open(args[args.index("--shapes") + 1]))
    names = [s["name"] for s in shapes]
    assert all(s["data"].endswith(s["name"] + ".safetensors") for s in shapes)
elif "--input" in args:
    names = [os.path.basename(os.path.dirname(args[args.index("--input") + 1]))]
elif "espcn" not in args:
    names = [os.path.basename(args[args.index("--case") + 1]).replace(".safetensors", "")]
else:
    names = ["espcn_x3"]
with open(conf["log"], "a") as f:
    print(json.dumps([side, names, runs, args, cache, os.listdir(cache) if cache else None]), file=f)
diff = conf["diff"][side]
one = {"runs": runs, "max_abs_diff": diff, "max_rel_diff": diff}
if side == "ort":
    one.update(cold_ms=1.0, max_abs_expected=2.0, version="0")
else:
    one.update(first_output_seconds=0.001, median_seconds=None, least_seconds=None)
report = {"kind": "x", "adapter": "a"}
if runs == 0:
    time.sleep(conf["wait"][side])
    print(json.dumps(one if side == "ort" else {**report, "results": [one]}))
    if cache:
        open(os.path.join(cache, "entry"), "w").close()
    time.sleep(0.3)  # what comes after the first output does not count
    sys.exit()
if cache:  # an environment of its own, timed runs after the first output
    time.sleep(conf["wait"][side])
    print(" ", end="", flush=True)
    time.sleep(0.6)
ms = conf["ms"][side][names[0]]
if side == "ours":
    print(json.dumps({**report, "results": [{**one, "name": n, "program": "p", "median_seconds": ms / 1e3, "least_seconds": ms / 1e3} for n in names]}))
else:
    print(json.dumps({**one, "warm_median_ms": ms, "warm_min_ms": ms}))
'''

SHAPES = [
    {"name": "c", "count": 3, "op": "conv2d", "batch": 1, "h": 5, "w": 6, "cin": 2, "cout": 4,
     "kernel": [3, 3], "stride": [2, 2], "pad": [1, 1], "bias": True},
    {"name": "l", "count": 1, "op": "linear", "m": 5, "k": 6, "n": 7, "bias": True},
]


class Compare(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        d = self.path = pathlib.Path(self.dir.name)
        (d / "stand_in.py").write_text(STAND_IN)
        (d / "shapes.json").write_text(json.dumps(SHAPES))
        for name in ("c", "l", "head", "espcn_x3"):
            # Newer than any weights in the repository.
            (d / f"{name}.onnx").touch()
        self.conf = {
            "log": str(d / "log"),
            "ms": {"ours": {"c": 4, "l": 1, "espcn_x3": 30}, "ort": {"c": 10, "l": 5, "espcn_x3": 100}},
            "wait": {"ours": 0.1, "ort": 0.6},
            "diff": {"ours": 1e-6, "ort": 0},
        }

    def compare(self, *args):
        (self.path / "conf.json").write_text(json.dumps(self.conf))
        side = f"{sys.executable} {self.path / 'stand_in.py'}"
        out = self.path / "out.json"
        p = subprocess.run(
            [sys.executable, str(HERE / "compare"), *args, "--ours", side + " ours", "--ort", side + " ort",
             "--build", str(self.path), "--shapes", str(self.path / "shapes.json"), "--json", str(out), "--check", "--retries", "0"],
            env={**os.environ, "STAND_IN": str(self.path / "conf.json"), "MESA_SHADER_CACHE_DISABLE": "1"},
            capture_output=True, text=True)
        self.process = p
        log = [json.loads(line) for line in (self.path / "log").read_text().splitlines()]
        return json.loads(out.read_text()) if out.exists() else None, log[1:]  # the first asks for the adapter

    def test_ops(self):
        report, log = self.compare("ops", "--rounds", "2", "--runs", "7")
        self.assertEqual(self.process.returncode, 0, self.process.stderr)
        self.assertEqual([(side, names) for side, names, *_ in log],
                         [("ours", ["c"]), ("ort", ["c"])] * 2 + [("ours", ["l"]), ("ort", ["l"])] * 2)
        self.assertEqual({runs for _, _, runs, *_ in log}, {7})
        total = report["ops"]["total"]
        self.assertEqual(total["ours"]["median_ms"], 3 * 4 + 1)
        self.assertEqual(total["ort"]["median_ms"], 3 * 10 + 5)
        self.assertEqual(total["ratio"], round(13 / 35, 3))
        c, l = report["ops"]["groups"][0]["rows"]
        self.assertEqual(c["flop"], 2 * (3 * 3 * 4) * 2 * 9)
        self.assertEqual(l["flop"], 2 * 5 * 6 * 7)
        self.assertTrue(report["ops"]["met"])

    def test_one_slower_misses(self):
        self.conf["ms"]["ours"]["l"] = 5.1
        self.conf["ms"]["ours"]["c"] = 1
        report, _ = self.compare("ops", "--rounds", "1")
        self.assertLess(report["ops"]["total"]["ratio"], 0.45)
        self.assertFalse(report["ops"]["met"])
        self.assertIn("slower: l", self.process.stdout)
        self.assertEqual(self.process.returncode, 1)

    def test_wrong_output(self):
        for bad in (1e-3, float("nan")):
            self.conf["diff"]["ours"] = bad
            report, _ = self.compare("ops", "--rounds", "1")
            self.assertTrue(report["ops"]["wrong"])
            self.assertEqual(self.process.returncode, 1)

    def test_nhwc_is_for_convolutions(self):
        _, log = self.compare("ops", "--rounds", "1", "--nhwc")
        self.assertEqual({names[0]: "--nhwc" in args for side, names, _, args, *_ in log if side == "ort"},
                         {"c": True, "l": False})

    def test_espcn(self):
        report, log = self.compare("espcn", "--rounds", "2")
        self.assertEqual([side for side, *_ in log], ["ours", "ort"] * 2)
        self.assertIn("--case", log[0][3])
        self.assertEqual(report["espcn"]["ratio"], 0.3)
        self.assertTrue(report["espcn"]["met"])

    def test_cold(self):
        report, log = self.compare("cold", "--rounds", "2")
        self.assertEqual([(side, runs) for side, _, runs, *_ in log], [("ours", 0), ("ort", 0)] * 2)
        self.assertEqual(len({cache for *_, cache, _ in log}), 4)
        self.assertTrue(all(entries == [] for *_, entries in log))
        self.assertGreater(report["cold"]["ours"]["median_ms"], 100)
        self.assertLess(report["cold"]["ort"]["median_ms"], 850)  # 600 and the start of Python, not the 300 after
        self.assertTrue(report["cold"]["met"])

    def write_networks(self, **ms):
        for name, (ours, ort) in ms.items():
            (self.path / f"{name}.onnx").touch()
            self.conf["ms"]["ours"][name], self.conf["ms"]["ort"][name] = ours, ort

    def test_models(self):
        self.write_networks(resnet18=(2.7, 10), clip_text=(3.9, 10))
        self.conf["wait"] = {"ours": 0, "ort": 1}
        report, log = self.compare("models", "--rounds", "1", "--runs", "7")
        self.assertEqual(self.process.returncode, 0, self.process.stderr + self.process.stdout)
        self.assertEqual([(side, names) for side, names, *_ in log],
                         [("ours", ["resnet18"]), ("ort", ["resnet18"]), ("ours", ["clip_text"]), ("ort", ["clip_text"])])
        self.assertEqual({runs for _, _, runs, *_ in log}, {7})
        self.assertEqual(len({cache for *_, cache, _ in log}), 4)
        self.assertTrue(all(entries == [] for *_, entries in log))
        self.assertEqual([args[:4] for side, _, _, args, *_ in log if side == "ours"],
                         [["bench", "model", "resnet18", "--case"], ["bench", "model", "clip_vit_b32", "--tower"]])
        resnet, clip = report["models"]["rows"]
        self.assertEqual((resnet["ratio"], clip["ratio"]), (0.27, 0.39))
        self.assertGreater(resnet["cold"]["ort"]["median_ms"], 1000)
        self.assertLess(resnet["cold"]["ort"]["median_ms"], 1600)  # without the 600 after the first output
        self.assertTrue(report["models"]["met"])

    def test_models_miss(self):
        self.write_networks(resnet18=(2.9, 10), alexnet=(4.5, 10))
        self.conf["wait"] = {"ours": 0, "ort": 1}
        report, _ = self.compare("models", "resnet18", "--rounds", "1")
        self.assertEqual([r["name"] for r in report["models"]["rows"]], ["resnet18"])
        self.assertIn("missed: resnet18", self.process.stdout)
        self.assertEqual(self.process.returncode, 1)
        self.conf["wait"]["ours"] = 1
        report, _ = self.compare("models", "alexnet", "--rounds", "1")
        row, = report["models"]["rows"]
        self.assertEqual((row["met"], row["cold"]["met"]), (True, False))
        self.assertFalse(report["models"]["met"])

    def test_models_names(self):
        for args in (["models", "resnet19"], ["ops", "resnet18"]):
            p = subprocess.run([sys.executable, str(HERE / "compare"), *args], capture_output=True, text=True)
            self.assertEqual(p.returncode, 2)
            self.assertIn("resnet50", p.stderr)
        report, _ = self.compare("models")
        self.assertIsNone(report)
        self.assertIn("setup --models", self.process.stderr)

    def test_onnx(self):
        files = self.path / "files"
        for name, (ours, ort) in {"a": (3, 10), "b": (4, 10), "resnet18": (3, 10)}.items():
            (files / name / "test_data_set_0").mkdir(parents=True)
            (files / name / "model.onnx").touch()
            (files / name / "test_data_set_0" / "input_0.pb").touch()
            self.conf["ms"]["ours"][name], self.conf["ms"]["ort"][name] = ours, ort
        (self.path / "resnet18.safetensors").touch()
        self.conf["refused"] = ["b"]
        self.conf["wait"] = {"ours": 0, "ort": 0}
        report, log = self.compare("onnx", str(files), "--rounds", "2", "--runs", "3")
        a, b, resnet = report["onnx"]["rows"]
        self.assertEqual((a["ratio"], b["ratio"], resnet["own_ratio"]), (0.3, 0.4, 1))
        self.assertEqual((a["fallback"], b["fallback"]), (False, True))
        self.assertEqual((a["met"], b["met"], resnet["met"]), (True, False, True))
        self.assertFalse(report["onnx"]["wrong"])
        self.assertIn("missed: b", self.process.stdout)
        self.assertEqual(self.process.returncode, 1)
        caches = [cache for side, names, _, _, cache, _ in log if names == ["a"]]
        self.assertEqual(len(set(caches)), 2)  # one a side, empty for its first process
        self.conf["diff"]["ours"] = 1e-3
        report, _ = self.compare("onnx", str(files / "a"), "--rounds", "1")
        self.assertEqual(report["onnx"]["rows"][0]["wrong"], ["ours"])
        self.assertTrue(report["onnx"]["wrong"])

    def test_failure_names_the_command(self):
        del self.conf["ms"]["ours"]["c"]
        report, _ = self.compare("ops")
        self.assertIsNone(report)
        self.assertNotEqual(self.process.returncode, 0)
        self.assertIn("bench ops", self.process.stderr)
        self.assertIn("KeyError", self.process.stderr)


if __name__ == "__main__":
    unittest.main()
