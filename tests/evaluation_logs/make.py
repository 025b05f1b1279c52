"""Make the logs in this folder with the tools themselves: lm-evaluation-harness 0.4.13 and inspect_ai 0.3.285.

``pip install lm-eval inspect-ai`` into an environment of its own, then ``python make.py`` in an empty folder: no model,
no network. The answers are drawn from a seed. The results of lm-evaluation-harness lose the settings of its tasks, and
the logs of inspect_ai their events and messages: these are not read, and are most of the bytes.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

SUMS = [(random.Random(i).randrange(50), random.Random(-i - 1).randrange(50)) for i in range(16)]
TASK = """task: {task}
dataset_path: json
dataset_kwargs: {{data_files: {{test: sums.jsonl}}}}
test_split: test
doc_to_text: "{{{{question}}}}"
"""
CHOICE = """output_type: multiple_choice
doc_to_choice: "{{choices}}"
doc_to_target: answer
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: acc_norm, aggregation: mean, higher_is_better: true}
"""
WORDS = """output_type: generate_until
doc_to_target: "lol"
generation_kwargs: {until: ["."]}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
filter_list:
  - {name: first, filter: [{function: take_first}]}
  - {name: digits, filter: [{function: regex, regex_pattern: "([0-9]+)"}, {function: take_first}]}
"""


def harness() -> None:
    """Two models that answer by chance, on two tasks; one has two filters of its answers."""
    rows = [{"question": f"{a} + {b} =", "choices": [str(a + b), str(a + b + 1)], "answer": 0} for a, b in SUMS]
    Path("sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    Path("sums.yaml").write_text(TASK.format(task="sums") + CHOICE, encoding="utf-8")
    Path("words.yaml").write_text(TASK.format(task="words") + WORDS, encoding="utf-8")
    for seed in ("1", "2"):
        options = ["--model", "dummy", "--tasks", "sums,words", "--include_path", ".", "--log_samples", "--seed", seed]
        command = [sys.executable, "-m", "lm_eval", "run", *options, "--output_path", f"lm_eval/model_{seed}"]
        subprocess.run(command, check=True, env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"})
        for path in Path(f"lm_eval/model_{seed}").glob("*/*"):
            if path.suffix == ".json":
                kept = json.loads(path.read_text(encoding="utf-8"))
                names = ("results", "higher_is_better", "n-samples", "config", "date", "lm_eval_version", "model_name")
                path.write_text(json.dumps({name: kept[name] for name in names}, indent=2), encoding="utf-8")
            path.rename(path.parents[1] / path.name)
        next(path for path in Path(f"lm_eval/model_{seed}").iterdir() if path.is_dir()).rmdir()


def inspected() -> None:
    """Two models on two tasks: samples of a passage cluster, and one task is answered twice."""
    from inspect_ai import Task, eval
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.log import read_eval_log, write_eval_log
    from inspect_ai.model import ModelOutput
    from inspect_ai.scorer import Score, accuracy, mean, scorer, stderr
    from inspect_ai.solver import solver

    @solver
    def drawn(rng, p):
        async def solve(state, generate):
            answer = state.target.text if rng.random() < p else "no idea"
            state.output, state.completed = ModelOutput.from_content("drawn", answer), True
            return state

        return solve

    @scorer(metrics=[accuracy(), stderr(cluster="passage")])
    def contains():
        async def score(state, target):
            said = state.output.completion
            return Score(value="C" if target.text == said else "I", answer=said)

        return score

    @scorer(metrics=[mean(), stderr()])
    def length():
        async def score(state, target):
            return Score(value=len(state.output.completion))

        return score

    for model, p in (("model_1", 0.4), ("model_2", 0.8)):
        for name, epochs in (("doubles", 1), ("twice", 2)):
            asked = [
                Sample(id=f"q{i}", input=f"What is {i} + {i}?", target=str(2 * i), metadata={"passage": i // 4})
                for i in range(16)
            ]
            task = Task(
                dataset=MemoryDataset(asked),
                solver=drawn(random.Random(f"{model} {name}"), p),
                scorer=[contains(), length()],
                name=name,
                epochs=epochs,
            )
            (log,) = eval(task, model=f"mockllm/{model}", log_dir="packed", display="none", max_samples=1)
            full = read_eval_log(log.location)
            for sample in full.samples:
                sample.events, sample.messages = [], []
            for ending in ("json", "eval"):
                place = Path("inspect_ai" if ending == "json" else "inspect_ai_packed", model, f"{name}.{ending}")
                place.parent.mkdir(parents=True, exist_ok=True)
                write_eval_log(full, str(place), format=ending)


if __name__ == "__main__":
    harness()
    inspected()
