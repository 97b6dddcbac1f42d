// DynamicsWebApi, unchanged, does against the emulator what it does against Dataverse.
// Prints one line of JSON for each check: its name, and what went wrong if anything did.
import assert from "node:assert/strict";
import { DynamicsWebApi } from "dynamics-web-api";

const [serverUrl, tenant, client, secret] = process.argv.slice(2);

async function token() {
  const form = { grant_type: "client_credentials", client_id: client, client_secret: secret, scope: `${serverUrl}/.default` };
  const answer = await fetch(`${serverUrl}/${tenant}/oauth2/v2.0/token`, { method: "POST", body: new URLSearchParams(form) });
  return (await answer.json()).access_token;
}

const bearer = await token();
const api = new DynamicsWebApi({ serverUrl, dataApi: { version: "9.2" }, onTokenRefresh: async () => bearer });
const collection = "accounts";
const prefix = "OData.Community.Display.V1.FormattedValue";
const fetchXml = "<fetch count='4'><entity name='account'><attribute name='name'/></entity></fetch>";
let company, currency, account, order;

const refused = (status) => (error) => (Array.isArray(error) ? error[0] : error).status === status;

const checks = {
  "a row is created and its id comes back": async () => {
    company = await api.create({ collection: "cdm_companies", data: { cdm_companycode: "usmf", cdm_name: "Contoso" } });
    currency = await api.create({ collection: "transactioncurrencies", data: { currencyname: "US Dollar", currencysymbol: "$", isocurrencycode: "USD", exchangerate: 1 } });
    const data = { name: "Fabrikam", accountnumber: "US-001", creditlimit: 1.5, "msdyn_company@odata.bind": `/cdm_companies(${company})`, "transactioncurrencyid@odata.bind": `/transactioncurrencies(${currency})` };
    account = await api.create({ collection, data });
    assert.match(account, /^[0-9a-f-]{36}$/);
  },
  "a created row is returned when preferred": async () => {
    const row = await api.create({ collection, data: { name: "Second" }, returnRepresentation: true, select: ["name"] });
    assert.equal(row.name, "Second");
  },
  "a row comes with its annotations": async () => {
    const row = await api.retrieve({ collection, key: account, select: ["name", "creditlimit", "_msdyn_company_value"], includeAnnotations: "*" });
    assert.equal(row[`creditlimit@${prefix}`], "$1.50");
    assert.equal(row["_msdyn_company_value@Microsoft.Dynamics.CRM.lookuplogicalname"], "cdm_company");
  },
  "a row is found by its alternate key": async () => {
    const key = `accountnumber='us-001',_msdyn_company_value=${company}`;
    assert.equal((await api.retrieve({ collection, key, select: ["name"] })).accountid, account);
  },
  "an update needs the version it names": async () => {
    const row = await api.retrieve({ collection, key: account, select: ["name"] });
    assert.equal(await api.update({ collection, key: account, data: { name: "Changed" }, ifmatch: row["@odata.etag"] }), true);
    assert.equal(await api.update({ collection, key: account, data: { name: "Lost" }, ifmatch: row["@odata.etag"] }), false);
  },
  "an upsert creates and then may not": async () => {
    const key = "11111111-2222-4333-8444-555555555555";
    await api.upsert({ collection, key, data: { name: "Upserted" } });
    assert.equal(await api.upsert({ collection, key, data: { name: "Again" }, ifnonematch: "*" }), null);
    assert.equal(await api.deleteRecord({ collection, key }), true);
  },
  "single properties are set and cleared": async () => {
    await api.updateSingleProperty({ collection, key: account, fieldValuePair: { telephone1: "555" } });
    assert.equal((await api.retrieve({ collection, key: account, select: ["telephone1"] })).telephone1, "555");
    await api.deleteRecord({ collection, key: account, property: "telephone1" });
    assert.equal((await api.retrieve({ collection, key: account, select: ["telephone1"] })).telephone1, null);
  },
  "related rows are inserted deeply and expanded": async () => {
    const data = { name: "Deep", primarycontactid: { lastname: "First" }, contact_customer_accounts: [{ lastname: "Second" }, { lastname: "Third" }] };
    const key = await api.create({ collection, data });
    const expand = [{ property: "primarycontactid", select: ["lastname"] }, { property: "contact_customer_accounts", select: ["lastname"], orderBy: ["lastname desc"], top: 1 }];
    const row = await api.retrieve({ collection, key, select: ["name"], expand });
    assert.equal(row.primarycontactid.lastname, "First");
    assert.deepEqual(row.contact_customer_accounts.map((each) => each.lastname), ["Third"]);
  },
  "lookups are associated and parted": async () => {
    const related = { navigationProperty: "parentaccountid", relatedCollection: collection };
    const other = await api.create({ collection, data: { name: "Parent" } });
    await api.associateSingleValued({ collection, primaryKey: account, ...related, relatedKey: other });
    assert.equal((await api.retrieve({ collection, key: account, select: ["_parentaccountid_value"] }))._parentaccountid_value, other);
    await api.disassociateSingleValued({ collection, primaryKey: account, navigationProperty: "parentaccountid" });
    await api.associate({ collection, primaryKey: other, relationshipName: "account_parent_account", relatedCollection: collection, relatedKey: account });
    await api.disassociate({ collection, primaryKey: other, relationshipName: "account_parent_account", relatedKey: account });
    assert.equal((await api.retrieve({ collection, key: account, select: ["_parentaccountid_value"] }))._parentaccountid_value, null);
  },
  "many rows are filtered, sorted, counted and paged": async () => {
    for (let n = 0; n < 9; n++) await api.create({ collection, data: { name: `Many ${n}`, numberofemployees: n } });
    const page = await api.retrieveMultiple({ collection, select: ["name"], filter: "startswith(name,'many') and numberofemployees gt 1", orderBy: ["numberofemployees desc"], count: true, maxPageSize: 3 });
    assert.equal(page.oDataCount, 7);
    assert.deepEqual(page.value.map((row) => row.name), ["Many 8", "Many 7", "Many 6"]);
    const all = await api.retrieveAll({ collection, select: ["name"], filter: "startswith(name,'many')", maxPageSize: 4 });
    assert.equal(new Set(all.value.map((row) => row.accountid)).size, 9);
    assert.equal(await api.count({ collection, filter: "startswith(name,'many')" }), 9);
  },
  "a query function takes parameter aliases": async () => {
    const filter = "Microsoft.Dynamics.CRM.In(PropertyName=@p1,PropertyValues=@p2)";
    const page = await api.retrieveMultiple({ collection, select: ["name"], filter, queryParams: ["@p1='name'", '@p2=["Many 1","Many 2"]'] });
    assert.equal(page.value.length, 2);
  },
  "FetchXML is paged by its cookie": async () => {
    const page = await api.fetch({ collection, fetchXml, includeAnnotations: "*" });
    assert.equal(page.PagingInfo.nextPage, 2);
    assert.equal((await api.fetchAll({ collection, fetchXml })).value.length, await api.count({ collection }));
  },
  "rows are grouped and summed": async () => {
    const apply = "filter(startswith(name,'many'))/groupby((statecode),aggregate(numberofemployees with sum as total))";
    assert.deepEqual((await api.retrieveMultiple({ collection, apply })).value, [{ statecode: 0, total: 36 }]);
  },
  "changes are tracked": async () => {
    const request = { collection, select: ["name"], trackChanges: true };
    const first = await api.retrieveMultiple(request);
    await api.update({ collection, key: account, data: { name: "Tracked" } });
    const changes = await api.retrieveMultiple(request, first.oDataDeltaLink);
    assert.deepEqual(changes.value.map((row) => row.name), ["Tracked"]);
  },
  "functions answer": async () => {
    const who = await api.callFunction("WhoAmI");
    assert.ok(who.UserId && who.OrganizationId);
    const counts = await api.callFunction({ functionName: "RetrieveTotalRecordCount", parameters: { EntityNames: ["account"] } });
    assert.deepEqual(counts.EntityRecordCountCollection.Keys, ["account"]);
    await api.retrieveMultiple({ collection, top: 1, impersonate: who.UserId });
  },
  "tables, columns, relations and choices are discovered": async () => {
    const { value: [table] } = await api.retrieveEntities({ select: ["LogicalName", "EntitySetName"], filter: "LogicalName eq 'salesorder'" });
    assert.equal(table.EntitySetName, "salesorders");
    const whole = await api.retrieveEntity({ key: table.MetadataId, select: ["LogicalName"], expand: [{ property: "Attributes", select: ["LogicalName"] }] });
    assert.ok(whole.Attributes.some((each) => each.LogicalName === "msdyn_processingstatus"));
    const entityKey = "LogicalName='salesorder'";
    const picklists = await api.retrieveAttributes({ entityKey, castType: "Microsoft.Dynamics.CRM.PicklistAttributeMetadata", select: ["LogicalName"], expand: [{ property: "OptionSet" }] });
    const status = picklists.value.find((each) => each.LogicalName === "msdyn_processingstatus");
    assert.equal(status.OptionSet.Options[1].Label.UserLocalizedLabel.Label, "Confirmed");
    const relations = await api.retrieveRelationships({ select: ["SchemaName"], castType: "Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata" });
    assert.ok(relations.value.length);
    assert.ok((await api.retrieveGlobalOptionSets()).value.length);
  },
  "a batch holds a change set whose parts refer to each other": async () => {
    const list = await api.create({ collection: "pricelevels", data: { name: "Standard", "transactioncurrencyid@odata.bind": `/transactioncurrencies(${currency})` } });
    const data = { name: "Order", "customerid_account@odata.bind": `/accounts(${account})`, "pricelevelid@odata.bind": `/pricelevels(${list})`, "transactioncurrencyid@odata.bind": `/transactioncurrencies(${currency})` };
    api.startBatch();
    api.retrieve({ collection, key: account, select: ["name"] });
    api.create({ collection: "salesorders", data, contentId: "1" });
    api.create({ collection: "salesorderdetails", data: { quantity: 2, priceperunit: 10, "salesorderid@odata.bind": "$1" }, contentId: "2" });
    const answers = await api.executeBatch();
    assert.equal(answers[0].name, "Tracked");
    order = answers[1];
    const lines = [{ property: "order_details", select: ["quantity"] }];
    const row = await api.retrieve({ collection: "salesorders", key: order, select: ["name"], expand: lines });
    assert.deepEqual(row.order_details.map((line) => line.quantity), [2]);
  },
  "a failed change set leaves nothing": async () => {
    api.startBatch();
    api.create({ collection, data: { name: "Half" }, contentId: "1" });
    api.create({ collection, data: { nope: 1 }, contentId: "2" });
    await assert.rejects(api.executeBatch(), refused(400));
    assert.equal(await api.count({ collection, filter: "name eq 'Half'" }), 0);
  },
  "a batch goes on after an error when told to": async () => {
    api.startBatch();
    api.create({ collection, data: { nope: 1 }, inChangeSet: false });
    api.create({ collection, data: { name: "After" }, inChangeSet: false });
    await api.executeBatch({ continueOnError: true });
    assert.equal(await api.count({ collection, filter: "name eq 'After'" }), 1);
  },
  "what does not exist or fit is refused as an error": async () => {
    await assert.rejects(api.retrieve({ collection, key: "11111111-2222-4333-8444-555555555555" }), refused(404));
    await assert.rejects(api.retrieveMultiple({ collection, select: ["nope"] }), refused(400));
    await assert.rejects(api.deleteRecord({ collection, key: account, ifmatch: 'W/"1"' }).then((gone) => gone || Promise.reject({ status: 412 })), refused(412));
  },
};

for (const [name, check] of Object.entries(checks)) {
  const error = await check().then(() => null, (failure) => String(failure?.message ?? JSON.stringify(failure)));
  console.log(JSON.stringify({ name, error }));
}
