"""Rows without a template: some fields of a domain with their values, as forms, mails of web shops, JSON and key=value lines show them."""
MIN_FIELDS, MAX_FIELDS = 2, 8

# opening, between two fields, closing, before a label, between label and value, after a value
LAYOUTS = [
    ("", "\n", "", "", ": ", ""), ("", "\n", "", "", ": ", ""), ("", "\n", "", "", " = ", ""), ("", "\n", "", "", ":\n", ""), ("", "\n", "", "- ", ": ", ""),
    ("", "; ", "", "", ": ", ""), ("", ", ", "", "", ": ", ""), ("", " | ", "", "", ": ", ""), ("", " ", "", "", "=", ""), ("", "\n", "", "", "\t", ""), ("", ". ", ".", "", " is ", ""),
    ("{", ", ", "}", '"', '": "', '"'), ("{\n", ",\n", "\n}", '  "', '": "', '"'), ("", "\n", "", "| ", " | ", " |"), ("", "\n", "", "", "  ", ""), ("", "\n", "", "* ", " - ", ""),
    ("<ul>\n", "\n", "\n</ul>", "<li>", ": ", "</li>"), ("", "\n", "", "\t", ": ", ""),
]


def run(render):
    """Renders a form of some fields in random order."""
    draw = render.draw
    keys = sorted(render.fields, key=lambda _: draw.random())[:draw.between(MIN_FIELDS, MAX_FIELDS)]
    opening, between, closing, before, after_label, after = draw.pick(LAYOUTS)
    render.literal(opening)
    for i, key in enumerate(keys):
        if i:
            render.literal(between)
        render.literal(before)
        render.run([("label", key)])
        render.literal(after_label)
        render.slot(key, None)
        render.literal(after)
    render.literal(closing)
