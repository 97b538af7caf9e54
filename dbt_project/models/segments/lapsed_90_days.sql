{{ lapsed_spans(days=90) }}
