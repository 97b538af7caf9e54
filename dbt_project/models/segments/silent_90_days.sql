{{ lapsed_spans(days=90, events=['opened', 'clicked']) }}
