from orchestration.logs import keep_short, last_lines


def test_a_log_that_has_grown_long_is_put_aside_under_whoever_writes_to_it(tmp_path) -> None:
    log, aside = tmp_path / "daemon.log", tmp_path / "daemon.log.old"
    keep_short(log, 10)
    with log.open("ab", buffering=0) as writer:
        writer.write(b"0123456789")
        keep_short(log, 10)
        assert not aside.exists()
        writer.write(b"abc")
        keep_short(log, 10)
        writer.write(b"def")
    assert (aside.read_bytes(), log.read_bytes()) == (b"3456789abc", b"def")


def test_of_a_long_log_only_the_end_is_read_for_its_last_words(tmp_path) -> None:
    log = tmp_path / "daemon.log"
    with log.open("ab") as file:
        file.truncate(2**40)
        file.write("\n".join(["駅" * 10_000, *map(str, range(20))]).encode())
    assert last_lines(log).splitlines() == [str(number) for number in range(5, 20)]
