"""`topicwire` with short waits."""

from tests.loopback.hurry import main

main()
