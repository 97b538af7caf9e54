{{ eligibility(segments=['quiet_28_days']) }}
