"""Captions a WAV file with Deepgram's client, as if it were spoken: deepgram_live.py URL FILE"""

import os
import sys
import threading
import wave

from deepgram import DeepgramClient
from deepgram.core.events import EventType
from deepgram.environment import DeepgramClientEnvironment

url, path = sys.argv[1:3]
key = os.environ.get("HUBCAP_KEY", "any")
sockets = url.replace("http", "ws", 1)
here = DeepgramClientEnvironment(base=url, production=sockets, agent=sockets, agent_rest=url)
client = DeepgramClient(api_key=key, environment=here)


def on_message(message):
    if message.type == "Results" and message.is_final:
        transcript = message.channel.alternatives[0].transcript
        if transcript:
            print(transcript, flush=True)


with wave.open(path, "rb") as audio:
    rate = audio.getframerate()
    with client.listen.v1.connect(model="any", encoding="linear16", sample_rate=rate) as connection:
        connection.on(EventType.MESSAGE, on_message)
        connection.on(EventType.ERROR, lambda error: print(error, file=sys.stderr))
        listener = threading.Thread(target=connection.start_listening)
        listener.start()
        while data := audio.readframes(rate // 5):
            connection.send_media(data)
        connection.send_finalize()
        connection.send_close_stream()
        listener.join()
