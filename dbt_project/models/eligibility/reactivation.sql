{{ eligibility(segments=['silent_90_days']) }}
