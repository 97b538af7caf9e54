{{ eligibility() }}
