{{ lapsed_spans(days=28) }}
