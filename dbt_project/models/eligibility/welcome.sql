{{ eligibility(segments=['newsletter_takers']) }}
