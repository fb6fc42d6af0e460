from tests.chat.world import *
from tests.chat.world import seen, labels, unrelated
from tests.make import record

async def test_a(world: World) -> None:
    a = await world.ask("subscribe", topic="ai", importance="all")
    print(seen(a), labels(a))
    await world.report(record(METRO[0], quality=80))
    print([seen(m) for m in world.posts()])
    await world.report(*unrelated(12))
    print(seen(await world.ask("latest")))
    print(await world.refused("unsubscribe", topic="Space"))
    await world.restart()
    r = await world.press(world.posts()[0], "Related coverage", by=world.member)
    print(seen(world._answer(r)))
