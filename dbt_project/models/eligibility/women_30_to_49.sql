{{ eligibility(segments=['women_aged_30_to_49']) }}
