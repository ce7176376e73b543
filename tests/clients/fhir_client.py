"""Creates, finds, corrects and deletes Observations with the client fhirpy."""

import os

from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import ForbiddenError, OperationOutcome, ResourceNotFound

user = os.environ["USER_ID"]
client = SyncFHIRClient(
    os.environ["BASE_URL"] + "/fhir",
    authorization="Bearer " + os.environ["ACCESS_TOKEN"],
)


def heart_rate(minute, value, **more):
    return client.resource(
        "Observation",
        status="final",
        code={"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        subject={"reference": f"Patient/{user}"},
        effectiveDateTime=f"2026-03-01T08:{minute:02}:00+08:00",
        valueQuantity={"value": value, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
        **more,
    )


# Created, and the same again.
first = heart_rate(0, 60)
first.save()
assert first.id and first.meta.versionId == "1", first
again = heart_rate(0, 60)
again.save()
assert again.id == first.id, "a reading is stored once"
for minute in range(1, 25):
    heart_rate(minute, 60 + minute).save()

# Found, over three pages.
rates = client.resources("Observation").search(code="http://loinc.org|8867-4", patient=user)
assert rates.count() == 25
page = rates.sort("-date").limit(10)
found = page.fetch_all()
assert len(found) == 25 and len({each.id for each in found}) == 25
dates = [each.effectiveDateTime for each in found]
assert dates == sorted(dates, reverse=True)
assert len(page.fetch()) == 10
assert len(rates.search(date__ge="2026-03-01T08:10:00+08:00", date__lt="2026-03-01T08:20:00+08:00").fetch_all()) == 10
assert rates.sort("date").first().id == first.id
assert client.resources("Observation").search(_id=first.id).get().id == first.id
assert client.resources("Patient").search(_id=user).get().id == user

# Read and corrected: the same thing, another version.
read = client.reference("Observation", first.id).to_resource()
assert read.valueQuantity.value == 60
read["valueQuantity"]["value"] = 61
read.save()
assert read.id == first.id and read.status == "amended" and read.meta.versionId == "2", read
assert rates.count() == 25

# Bundles: one that is done wholly, one that is not done at all, one that tells of each.
def entry(resource, **more):
    return {"resource": resource.serialize(), "request": {"method": "POST", "url": "Observation", **more}}


identified = heart_rate(30, 70, identifier=[{"system": "urn:x", "value": "30"}])
transaction = client.resource(
    "Bundle",
    type="transaction",
    entry=[entry(identified, ifNoneExist="identifier=urn:x|30"), entry(heart_rate(31, 71))],
)
done = client.execute("", data=transaction.serialize())
assert [each.response.status[:3] for each in done.entry] == ["201", "201"], done
done = client.execute("", data=transaction.serialize())
assert [each.response.status[:3] for each in done.entry] == ["200", "200"], done
try:
    client.execute("", data={"resourceType": "Bundle", "type": "transaction", "entry": [entry(heart_rate(32, 72)), entry(heart_rate(33, 9999))]})
    raise AssertionError("it was taken")
except OperationOutcome as error:
    assert error.resource["issue"][0]["expression"][0].startswith("Bundle.entry[1]"), error
assert rates.count() == 27
batch = client.execute("", data={"resourceType": "Bundle", "type": "batch", "entry": [entry(heart_rate(32, 72)), entry(heart_rate(33, 9999))]})
assert [each.response.status[:3] for each in batch.entry] == ["201", "422"], batch

# Figures.
stats = client.execute(
    "Observation/$stats",
    method="get",
    params={"subject": f"Patient/{user}", "code": "8867-4", "system": "http://loinc.org", "statistic": "count"},
)
assert stats.parameter[0].resource.component[0].valueQuantity.value == 28, stats

# Deleted: it is not found any more, and says what became of it.
read.delete()
assert rates.count() == 27
assert client.reference("Observation", first.id).to_resource().status == "entered-in-error"

# Failures, as the client tells them.
try:
    heart_rate(40, 9999).save()
    raise AssertionError("it was taken")
except OperationOutcome as error:
    assert error.resource["issue"][0]["code"] == "business-rule", error
try:
    client.reference("Observation", "nothing").to_resource()
    raise AssertionError("it was found")
except ResourceNotFound:
    pass
try:
    client.resources("Observation").search(patient="018f0000-0000-7000-8000-000000000001").fetch()
    raise AssertionError("it was shown")
except ForbiddenError:
    pass
print("created, found, corrected, deleted")
