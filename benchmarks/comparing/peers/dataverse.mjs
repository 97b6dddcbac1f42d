// Dataverse refuses two things that Mesh's OData source writes: an expanded property that is named
// in $select too, and a key as a segment of the path. This is what its users have to write.

const EXPANDED = /,(?:customerid_account|order_details)(?=[,&])/g
const SEGMENT = /\/([0-9a-f-]{36})\/(?=$|\?)/

export default function dataverse(url, options) {
  return fetch(url.replace(EXPANDED, '').replace(SEGMENT, '($1)'), options)
}
