"use strict";
const form = document.querySelector(".tools");
const list = document.querySelector(".cases");
const cases = [...list.children].map((node) => ({ node, words: words(node) }));
const numeric = (node, key) => (node.dataset[key] === "" ? null : Number(node.dataset[key]));

function words(node) { // its name and what its paragraphs tell: person, note, reasons
  const told = [...node.querySelectorAll("p:not(.nothing)")].map((p) => p.textContent);
  return [node.dataset.case, ...told].join(" ").toLowerCase();
}

function precedes(key, sign) { // cases without a value come last
  return (a, b) => {
    const [x, y] = [numeric(a.node, key), numeric(b.node, key)];
    return (x === null) - (y === null) || sign * (x - y);
  };
}

const orders = {
  case: (a, b) => a.node.dataset.case.localeCompare(b.node.dataset.case, undefined, { numeric: true }),
  age: precedes("age", 1),
  mass: precedes("mass", -1),
  structures: precedes("structures", -1),
};

function show() {
  const wanted = form.words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const { node, words } of cases) {
    const fits = wanted.every((word) => words.includes(word))
      && (!form.status.value || node.dataset.status === form.status.value)
      && (!form.verdict.value || node.dataset.verdict === form.verdict.value);
    node.hidden = !fits;
    shown += fits;
  }
  form.querySelector("[role=status]").textContent = `${shown} of ${cases.length} shown`;
}

function sort() {
  list.append(...cases.sort(orders[form.order.value]).map(({ node }) => node));
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", show);
form.order.addEventListener("change", sort);
form.hidden = false;
sort();
show();
