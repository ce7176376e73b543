"""Parses every resource that the server sends with the models of fhir.resources."""

import os

import requests
from fhir.resources.R4B import get_fhir_model_class

base = os.environ["BASE_URL"] + "/fhir"
user = os.environ["USER_ID"]
kinds = set(os.environ["KINDS"].split(","))
session = requests.Session()
session.headers["authorization"] = "Bearer " + os.environ["ACCESS_TOKEN"]
parsed = 0


def parse(resource):
    """The model of a resource, which must say the same as the resource."""
    global parsed
    model = get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    parsed += 1
    return model


def send(method, path, status=200, **more):
    answer = session.request(method, f"{base}/{path}", timeout=60, **more)
    assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == "application/fhir+json", answer.headers
    return answer.json()


def get(path, status=200):
    return send("GET", path, status)


def own_code(resource):
    codes = [each for each in resource["code"]["coding"] if each["system"] == "urn:suoke:reading-type"]
    return codes[0]["code"]


statement = parse(get("metadata"))
assert statement.fhirVersion == "4.0.1"

# Every kind, found and read alone, with all that R4 asks for.
found = get("Observation?_count=500")
parse(found)
assert found["total"] == len(kinds), found["total"]
resources = [entry["resource"] for entry in found["entry"]]
assert {own_code(resource) for resource in resources} == kinds
for resource in resources:
    parse(resource)
    alone = get(f"Observation/{resource['id']}")
    model = parse(alone)
    assert model.subject.reference == f"Patient/{user}"
    assert model.effectiveDateTime or model.effectivePeriod
    assert resource["status"] == "final" and resource["issued"]
    has_value = any(key.startswith("value") for key in alone)
    assert has_value or "component" in alone or "dataAbsentReason" in alone
    if own_code(alone).endswith("_waveform"):
        assert len(alone["valueSampledData"]["data"].split()) == 500
    panel = {each["code"] for each in alone["code"]["coding"]}
    for component in alone.get("component", []):
        assert not panel & {each["code"] for each in component["code"]["coding"]}

pressure = next(resource for resource in resources if own_code(resource) == "blood_pressure")
assert not [key for key in pressure if key.startswith("value")]
units = {each["code"]["coding"][0]["code"]: each["valueQuantity"]["code"] for each in pressure["component"]}
assert units == {"8480-6": "mm[Hg]", "8462-4": "mm[Hg]"}
oxygen = next(resource for resource in resources if own_code(resource) == "spo2")
assert {"2708-6", "59408-5"} <= {each["code"] for each in oxygen["code"]["coding"]}

# What is read is taken as what is there.
for resource in resources:
    answer = session.post(f"{base}/Observation", json=get(f"Observation/{resource['id']}"), timeout=60)
    assert answer.status_code == 200, f"{own_code(resource)}: {answer.status_code} {answer.text}"
    assert answer.json()["id"] == resource["id"]

# Bundles, history, figures and outcomes.
parse(get(f"Patient/{user}"))
parse(get("Patient"))
everything = parse(get(f"Patient/{user}/$everything"))
assert everything.total == len(kinds) + 1
parse(get("Observation/$lastn?category=vital-signs"))
stats = get(f"Observation/$stats?subject=Patient/{user}&code=8867-4,85354-9&statistic=average,variance,std-dev,count")
assert len(stats["parameter"]) == 3
parse(stats)
entries = [
    {"resource": {**pressure, "id": None}, "request": {"method": "POST", "url": "Observation"}},
    {"request": {"method": "GET", "url": "Observation?code=8867-4"}},
    {"request": {"method": "GET", "url": "Observation/nothing"}},
]
batch = send("POST", "", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
parse(batch)
assert [entry["response"]["status"][:3] for entry in batch["entry"]] == ["200", "200", "404"]
changed = next(resource for resource in resources if own_code(resource) == "heart_rate")
changed["valueQuantity"]["value"] = 64
updated = send("PUT", f"Observation/{changed['id']}", json=changed)
assert updated["status"] == "amended" and updated["meta"]["versionId"] == "2"
parse(updated)
parse(get(f"Observation/{changed['id']}/_history"))
session.delete(f"{base}/Observation/{changed['id']}", timeout=60).raise_for_status()
gone = get(f"Observation/{changed['id']}")
assert gone["status"] == "entered-in-error"
parse(gone)
assert parse(get(f"Observation/{changed['id']}/_history")).total == 3
for path, status in [("Nothing", 404), ("Observation?date=soon", 400), ("Observation/none", 404)]:
    parse(get(path, status))
wrong = {**pressure, "component": []}
parse(send("POST", "Observation", 400, json=wrong))
print(f"all parsed: {parsed}")
