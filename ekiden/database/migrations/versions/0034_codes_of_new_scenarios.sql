-- A former code means its former scenario as long as no other has it: a scenario that is new with it changes who came
-- into "that" scenario, as a changed code does (0004).
create trigger note_codes_of_new_scenarios after insert on outreach.scenarios
for each row execute function raw.note_enrolments();
