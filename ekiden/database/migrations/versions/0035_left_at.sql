-- exited_at is when a plan or a send ended the enrolment
alter table outreach.enrolments add column left_at timestamptz;

comment on column outreach.enrolments.left_at is
'Since when the stop condition held that ended it; null where none did. What came after that came after the enrolment.';
