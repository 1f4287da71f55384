function twice(number) { return 2 * number; }
function never() { return 0; }
onmessage = (event) => {
  if (event.data > 1) postMessage(twice(event.data)); else postMessage(event.data);
};
