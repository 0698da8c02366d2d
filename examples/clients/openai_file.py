"""Transcribes a recording with OpenAI's client: openai_file.py URL FILE"""

import os
import sys

from openai import OpenAI

url, path = sys.argv[1:3]
key = os.environ.get("HUBCAP_KEY", "any")
client = OpenAI(api_key=key, base_url=f"{url}/v1")

with open(path, "rb") as file:
    for event in client.audio.transcriptions.create(file=file, model="any", stream=True):
        if event.type == "transcript.text.delta":
            print(event.delta, end="", flush=True)
print()
