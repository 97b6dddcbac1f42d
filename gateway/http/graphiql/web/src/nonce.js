// Monaco and the dialogs write <style> elements. The policy of the page allows those of our own
// script alone: they carry the nonce that it was served with.
const { nonce } = document.currentScript;
const createElement = document.createElement.bind(document);

document.createElement = (name, options) => {
  const element = createElement(name, options);
  if (name === "style") element.nonce = nonce;
  return element;
};
