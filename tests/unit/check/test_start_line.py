"""--args: options as on the command line of uWSGI, and the lines of a Dockerfile that start it."""

from __future__ import annotations

import pytest

from stacks.check.start_line import StartLine, UnreadableLine, read_start_line

INI = ("--ini", "/app/uwsgi.ini")


def test_options_are_split_as_a_shell_does() -> None:
    line = read_start_line("--http :8000 --env 'A=b c'", {})
    assert line == StartLine(("--http", ":8000", "--env", "A=b c"))
    assert read_start_line("", {}) == StartLine(())


@pytest.mark.parametrize(
    "text",
    [
        'CMD ["uwsgi", "--ini", "/app/uwsgi.ini"]',
        '["uwsgi", "--ini", "/app/uwsgi.ini"]',
        'ENTRYPOINT ["uwsgi"]\nCMD ["--ini", "/app/uwsgi.ini"]',
        'CMD ["--ini", "/app/uwsgi.ini"]\nENTRYPOINT ["uwsgi"]',
        "CMD uwsgi --ini /app/uwsgi.ini",
        "cmd exec uwsgi \\\n    --ini /app/uwsgi.ini",
        "uwsgi --ini /app/uwsgi.ini",
        'CMD ["sh", "-c", "exec uwsgi --ini $WHERE/uwsgi.ini"]',
        "CMD uwsgi --ini ${WHERE}/uwsgi.ini",
        "CMD uwsgi --ini ${ELSEWHERE:-/app}/uwsgi.ini",
        'ENTRYPOINT ["tini", "--", "gosu", "uwsgi", "uwsgi", "--ini", "/app/uwsgi.ini"]',
        'CMD [ \\\n  "uwsgi", \\\n  "--ini", "/app/uwsgi.ini" \\\n]',
    ],
)
def test_a_line_of_a_dockerfile_works_as_pasted(text: str) -> None:
    line = read_start_line(text, {"WHERE": "/app"})
    assert (line.arguments, line.program) == (INI, "uwsgi")
    assert line.is_array == ("[" in text)


def test_the_program_of_the_line_is_named() -> None:
    assert read_start_line('CMD ["/venv/bin/uwsgi", "app.ini"]', {}) == StartLine(
        ("app.ini",), "/venv/bin/uwsgi", is_array=True
    )
    assert read_start_line("uwsgi_python3 --http :80", {}).program == "uwsgi_python3"


def test_a_json_array_does_not_replace_variables() -> None:
    """Docker starts no shell for it, and uWSGI itself reads $(NAME)."""
    assert read_start_line('CMD ["uwsgi", "--http", ":$PORT"]', {"PORT": "80"}).arguments == ("--http", ":$PORT")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("--env 'A=b", "quote that is not closed: --env 'A"),
        ("--master \\", "ends with a backslash"),
        ("CMD ['uwsgi']", "no JSON array"),
        ('CMD ["uwsgi", 1]', "something else than texts"),
        ('ENTRYPOINT ["/docker-entrypoint.sh"]', "does not start uwsgi itself"),
        ("CMD uwsgi --http :$PORT", "the variable PORT, which is not set"),
    ],
)
def test_a_line_that_cannot_be_read_is_an_error(text: str, says: str) -> None:
    with pytest.raises(UnreadableLine, match=says):
        read_start_line(text, {})
