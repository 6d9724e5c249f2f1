/** Sends a `File` of an <input type="file"> or a drop to the notes of a session; for a page of the service's own origin. */
export async function sendNotes(file, session, api = "/graphql") {
  const ask = async (query, variables) => {
    const body = JSON.stringify({ query, variables });
    const answer = await fetch(api, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    const { data, errors } = await answer.json();
    if (errors) throw new Error(errors[0].message);
    return data;
  };
  const target = { type: "Session", field: "notes", key: { sessionId: session } };
  const { createUpload: upload } = await ask(
    "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id url } }",
    { input: { target, filename: file.name, sizeBytes: String(file.size) } },
  );
  const sent = await fetch(upload.url, { method: "PUT", body: file });
  if (!sent.ok) throw new Error((await sent.json()).errors[0].message);
  await ask(
    `mutation ($id: ID!, $session: Int!) {
      completeUpload(id: $id) { state }
      updateSession(key: {sessionId: $session}, set: {notes: {upload: $id}}) { affected { count } }
    }`,
    { id: upload.id, session },
  );
}
