{{ eligibility(segments=['lapsed_90_days']) }}
