"""Captions a WAV file over vosk-server's protocol: vosk_live.py URL FILE"""

import asyncio
import json
import os
import sys
import wave

import websockets


async def main(url, path):
    key = os.environ.get("HUBCAP_KEY")
    async with websockets.connect(url if key is None else f"{url}/?key={key}") as socket:
        with wave.open(path, "rb") as audio:
            rate = audio.getframerate()
            await socket.send(json.dumps({"config": {"sample_rate": rate}}))
            while data := audio.readframes(rate // 5):
                await socket.send(data)
                tell(await socket.recv())
        await socket.send(json.dumps({"eof": 1}))
        tell(await socket.recv())


def tell(answer):
    text = json.loads(answer).get("text")
    if text:
        print(text, flush=True)


asyncio.run(main(*sys.argv[1:3]))
