export function Admin() {
  return <main>soon</main>;
}
