"""Notebooks that wish the exporters ill, or that hold what other libraries put into notebooks."""

from __future__ import annotations

import base64
import io

import nbformat
import pandas as pd
from matplotlib.figure import Figure as Drawing
from nbformat import NotebookNode

from analysis.core.blocks import (
    Block,
    Callout,
    Cell,
    Code,
    Column,
    Cover,
    Details,
    Figure,
    Footer,
    Heading,
    Item,
    Items,
    Prose,
    Table,
)
from analysis.core.rich_text import Span, rich, text
from tests.export.demonstration import cell_of, drawing, notebook_of

NAMES = (
    "<script>window.hacked=1;alert(1)</script>",
    '"><img src=x onerror="window.hacked=1">',
    "</style></title><b>bold</b>",
    "*stars* _under_ **strong** `ticks` [link](javascript:window.hacked=1)",
    "#import \"x.typ\" #eval(\"1\") #{panic()} $x^2$ @label <label> \\ \\u{41} */ // /*",
    "{{ 7 * 7 }} {% raw %} ${x} &amp; &lt;",
    "| pipe | and \t tab and \n newline",
    "ends with a backslash \\",
)  # fmt: skip
RTL = "שלום עולם 4"
OVERRIDE = "run\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe\x07"
PICTURES = "模型 \N{ROCKET} run \N{FAMILY}"
ALL = (*NAMES, RTL, OVERRIDE, PICTURES)


def blocks_with(name: str) -> list[Block]:
    """Put one text wherever a block can hold text."""
    svg, png = drawing(1)
    value = text(name)
    table = Table(
        f"table-{name}",
        name,
        (Column(name, definition=name), Column("n", "right", None, "evidence")),
        ((Cell(value, value, "bad"), Cell(text("1"))),),
        notes=(value,),
    )
    return [
        Heading(name, 3, f"heading-{name}"),
        Prose(
            rich("A run called **{name}** or `{name}`, see [{name}](#def-{name}).", name=name),
            "supported",
            name,
        ),
        Prose((Span(name, href="javascript:window.hacked=1"),)),
        Items((Item(value, (value,), "cannot tell", name),), True),
        Callout("bad", value, (value,), name),
        table,
        Figure(f"figure-{name}", f"{name}.png", value, name, svg, png, table),
        Code(name, "yaml", name),
        Code(name, name),
        Details(value, (Prose(value), Heading(name, 4, name))),
        Footer(value),
    ]


def hostile() -> NotebookNode:
    """Give a notebook whose every text is hostile."""
    cells = [cell_of([Cover(NAMES[0], tuple((name, text(name)) for name in ALL))])]
    for name in ALL:
        cells.append(nbformat.v4.new_markdown_cell("## A section"))
        cells.append(cell_of(blocks_with(name), source=f"# {name!r}"))
    return notebook_of(*cells)


MARKDOWN = """## Notes of the day

Some *emphasis*, **strong**, `code_with_ticks`, ~~struck~~, a [link](https://example.org/a_(b)),
<b>raw HTML</b>, $\\alpha_1 * \\beta_2$ and $5 or $6. A hard\\
break. ![picture](attachment:dot.png) ![far away](https://example.org/x.png)

$$\\sum_i x_i$$

1. one
2. two
   - below two
     - and below that

     with a paragraph
3. three

- [x] done
- [ ] open

> quoted *text*

| left | right |
|:-----|------:|
| a **b** | 1.5 |
| `c` | −2 |

```python
def f(x):  # a very long line of code that goes on and on past the right edge of any sheet of paper, surely
    return "#" * x
```

---

#### A level skipped

<script>window.hacked=1</script><iframe src="https://example.org"></iframe>
"""


def _png() -> str:
    stream = io.BytesIO()
    figure = Drawing(figsize=(3, 2))
    figure.subplots().plot([1, 2, 3])
    figure.savefig(stream, format="png")
    return base64.encodebytes(stream.getvalue()).decode()


def _shown(data: dict[str, str]) -> NotebookNode:
    return nbformat.v4.new_output("display_data", data=data)


def frame() -> pd.DataFrame:
    columns = pd.MultiIndex.from_product([["train", "valid"], ["loss", "acc"]])
    return pd.DataFrame(
        [[0.31, 0.83, 0.29, 0.87], [0.28, 0.84, 0.28, None]], index=["run_2", "<i>run_3"], columns=columns
    )


def foreign() -> NotebookNode:
    """Give a notebook with what people add by hand: pandas, matplotlib, printed text, errors, Markdown."""
    table = frame()
    wide = pd.DataFrame([[i * 1.5 for i in range(40)]] * 3, columns=[f"metric/number_{i}" for i in range(40)])
    styled = (
        "<style>#T_1 td {color: red}</style><table id='T_1'><caption>Styled</caption>"
        "<thead><tr><th class='blank'>&nbsp;</th><th>loss</th></tr></thead>"
        "<tbody><tr><th>r <script>window.hacked=1</script></th><td>0.5</td></tr></tbody></table>"
    )
    markdown = nbformat.v4.new_markdown_cell(MARKDOWN)
    picture = _png()
    markdown["attachments"] = {"dot.png": {"image/png": picture}}
    outputs = [
        nbformat.v4.new_output("stream", name="stdout", text="epoch 1 \x1b[31mred\x1b[0m <b>\n" + "x" * 300 + "\n"),
        nbformat.v4.new_output("stream", name="stderr", text="a warning\n"),
        _shown({"text/html": table._repr_html_(), "text/plain": repr(table)}),
        _shown({"text/html": wide._repr_html_(), "text/plain": repr(wide)}),
        _shown({"text/html": styled, "text/plain": "<Styler>"}),
        _shown({"image/png": picture, "text/plain": "<Figure>"}),
        _shown({"image/svg+xml": drawing(3)[0]}),
        _shown({"text/markdown": "- a *list*\n- of <script>window.hacked=1</script> things", "text/plain": "x"}),
        _shown({"text/html": "<meta http-equiv=refresh content='0;url=https://example.org'><p>words &amp; more</p>"}),
        _shown({"application/vnd.run-report+json": {"results": {}}, "text/plain": "<data for programs>"}),
        nbformat.v4.new_output("execute_result", data={"text/plain": "{'a': 1}"}, execution_count=1),
        nbformat.v4.new_output(
            "error",
            ename="ValueError",
            evalue="no <such> run",
            traceback=["\x1b[0;31mValueError\x1b[0m: no <such> run"],
        ),
    ]
    return notebook_of(
        nbformat.v4.new_markdown_cell("# My own notebook\n\nNo cover here."),
        nbformat.v4.new_code_cell("df", outputs=outputs),
        markdown,
        nbformat.v4.new_raw_cell("raw"),
        nbformat.v4.new_code_cell("print(' ' )", outputs=[]),
    )
