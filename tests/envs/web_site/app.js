let items = 0;
const title = document.getElementById("title");

function add(count) {
  items += count;
  if (items > 1) {
    title.textContent = "Many";
  } else {
    title.textContent = "One";
  }
}

document.getElementById("size").addEventListener("change", (event) => {
  title.textContent = event.target.value === "Large" ? "Large" : "Small";
});
document.getElementById("gift").addEventListener("change", () => { title.textContent = "Gift"; });
document.getElementById("name").addEventListener("input", (event) => {
  if (event.target.value === "hello") window.greet(event.target.value);
});
document.getElementById("ask").addEventListener("click", () => {
  if (confirm("Really?")) items = 0;
});
document.getElementById("open").addEventListener("click", () => document.getElementById("terms").showModal());
document.getElementById("close").addEventListener("click", () => document.getElementById("terms").close());

const root = document.getElementById("host").attachShadow({ mode: "open" });
root.innerHTML = "<button>Details</button>";
root.querySelector("button").addEventListener("click", () => window.open("two.html"));
