"""Plans as text, Mermaid, DOT, SVG, JSON and HTML: over data, each in about linear time."""
