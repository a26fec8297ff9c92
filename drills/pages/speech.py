"""Says a Jinja expression in words: its texts and names stay, what no person reads becomes `<…>`."""

from collections.abc import Callable

from jinja2 import TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

UNSAYABLE = "<…>"
"""What stands on a page for an expression that has no words."""

Say = Callable[[str], str]
"""What a name is called on the page, or its value if that is known."""

# Filters that change how a value is written down, not what it is to a person.
_UNHEARD = frozenset({
    "default", "d", "join", "trim", "string", "int", "bool", "mandatory", "list", "flatten", "unique", "sort", "select",
})  # fmt: skip
_HEARD = {"first": "the first of ", "last": "the last of "}
_BETWEEN = {"product": " with each of ", "difference": " without "}


def speak(expression: str, say: Say) -> str:
    """`expression` (without its braces) in words."""
    try:
        output = ImmutableSandboxedEnvironment().parse("{{ " + expression + " }}").body[0]
    except (TemplateError, IndexError):
        return UNSAYABLE
    if not isinstance(output, nodes.Output) or len(output.nodes) != 1:
        return UNSAYABLE
    return _words(output.nodes[0], say)


def _words(node: nodes.Node, say: Say) -> str:
    if name := _name(node):
        return say(name)
    if isinstance(node, nodes.Const):
        return str(node.value)
    if isinstance(node, nodes.Concat | nodes.List):
        return (", " if isinstance(node, nodes.List) else "").join(_joined(node, say))
    if isinstance(node, nodes.CondExpr | nodes.Or):
        return _either(node, say)
    if isinstance(node, nodes.Filter) and node.node:
        return _filtered(node, node.node, say)
    return UNSAYABLE


def _joined(node: nodes.Concat | nodes.List, say: Say) -> list[str]:
    """The parts of a text or a list; in the midst of a text "the first of" would only disturb."""
    words = [_words(each, say) for each in node.iter_child_nodes()]
    heard = tuple(_HEARD.values())
    return [each.removeprefix(heard[0]).removeprefix(heard[1]) for each in words]


def _either(node: nodes.CondExpr | nodes.Or, say: Say) -> str:
    """Both ways, as it is only seen on the spot which one it is; an empty way says nothing."""
    choice = isinstance(node, nodes.CondExpr)
    ways = (node.expr1, node.expr2) if isinstance(node, nodes.CondExpr) else (node.left, node.right)
    told = [words for way in ways if way and (words := _words(way, say))]
    return (", or " if choice and any(" " in words for words in told) else " or ").join(dict.fromkeys(told))


def _filtered(node: nodes.Filter, inner: nodes.Expr, say: Say) -> str:
    if gathered := _gathered(node):
        return say(gathered)
    words, others = _words(inner, say), [_words(each, say) for each in node.args]
    if node.name in _BETWEEN and others and UNSAYABLE not in {words, others[0]}:
        return f"{words}{_BETWEEN[node.name]}{others[0]}"
    if node.name in _HEARD and words != UNSAYABLE:
        return f"{_HEARD[node.name]}{words}"
    return words if node.name in _UNHEARD and not (node.name == "select" and others) else UNSAYABLE


def _gathered(node: nodes.Filter) -> str:
    """The fact that `map(attribute='…')` collects from hosts; "" for any other filter."""
    asked = next((each.value for each in node.kwargs if each.key == "attribute"), None) if node.name == "map" else None
    from_hosts = any(name.name == "hostvars" for name in node.find_all(nodes.Name))
    return str(asked.value) if from_hosts and isinstance(asked, nodes.Const) else ""


def _name(node: nodes.Node | None) -> str:
    """A name with its attributes and keys, as it was written; "" for anything else."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr) and (whose := _name(node.node)):
        return f"{whose}.{node.attr}"
    if isinstance(node, nodes.Getitem) and (whose := _name(node.node)):
        key = repr(node.arg.value) if isinstance(node.arg, nodes.Const) else _name(node.arg)
        return f"{whose}[{key}]" if key else ""
    return ""
