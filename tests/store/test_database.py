async def test_x(stores):
    pass
