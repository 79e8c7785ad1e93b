// page.js - shows what the node says of itself.
const shown = document.getElementById('self');

try {
	const answer = await fetch('/v2/stats/self');
	shown.textContent = JSON.stringify(await answer.json(), null, 2);
} catch (error) {
	shown.textContent = 'This node does not answer: ' + error.message;
}
