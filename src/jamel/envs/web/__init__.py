"""Web apps as environments: a Chromium, its pages as elements, V8's coverage as probes."""
