-- The instant at which entry is judged, whatever day is planned (Q-13).
%(now)s::timestamptz
