"""From a song to a video, as any program can do it: python docs/client.py song.mp3"""

import asyncio
import json
import sys

import httpx
import websockets

SERVER = "http://127.0.0.1:8000"


def graphql(document, **variables):
    answer = httpx.post(f"{SERVER}/graphql", json={"query": document, "variables": variables}).json()
    if "errors" in answer:
        sys.exit(answer["errors"][0]["message"])
    return answer["data"]


def upload(path):
    operations = {
        "query": "mutation ($file: Upload!) { uploadAsset(file: $file) { id duration } }",
        "variables": {"file": None},
    }
    form = {"operations": json.dumps(operations), "map": '{"0": ["variables.file"]}'}
    with open(path, "rb") as song:
        answer = httpx.post(
            f"{SERVER}/graphql",
            data=form,
            files={"0": song},
            headers={"GraphQL-Require-Preflight": "1"},
            timeout=60,
        )
    return answer.json()["data"]["uploadAsset"]["id"]


async def watch(job):
    address = SERVER.replace("http", "ws", 1) + "/graphql"
    async with websockets.connect(address, subprotocols=["graphql-transport-ws"]) as socket:
        await socket.send('{"type": "connection_init"}')
        document = """subscription ($id: ID!) {
          jobUpdates(id: $id) { cursor status stage progress job { video { url } } }
        }"""
        payload = {"query": document, "variables": {"id": job}}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "next":
                update = message["payload"]["data"]["jobUpdates"]
                print(f"{update['status']:<10} {update['stage'] or '':<8} {update['progress']:5.1f} %")
                video = update["job"]["video"]
            elif message["type"] == "complete":
                return video["url"]


song = upload(sys.argv[1])
system = graphql(
    """mutation ($input: CreateParticleSystemInput!) {
      createParticleSystem(input: $input) { id }
    }""",
    input={
        "particleType": "ENHANCED",
        "audioId": song,
        "config": {"width": 1280, "height": 720, "particleCount": 1400, "particleColors": [[64, 156, 255]]},
    },
)["createParticleSystem"]["id"]
job = graphql(
    "mutation ($id: ID!) { renderParticleSystem(id: $id, input: {quality: DRAFT}) { id } }", id=system
)
url = asyncio.run(watch(job["renderParticleSystem"]["id"]))
with open("video.mp4", "wb") as file:
    file.write(httpx.get(SERVER + url).content)
print("video.mp4")
