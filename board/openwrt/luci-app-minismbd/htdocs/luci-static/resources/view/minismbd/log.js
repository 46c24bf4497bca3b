// The server's lines in the router's log.
'use strict';
'require view';
'require poll';
'require rpc';

const SEVERITIES = [ 'emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug' ];
/** How many of the log's last lines are searched. */
const LINES = 1000;
/** The service's script and the server write under this name. */
const OURS = /^(?:ksmbd|minismbd)(?:\[\d+\])?: /;

const readLog = rpc.declare({
	object: 'log',
	method: 'read',
	params: [ 'lines', 'stream', 'oneshot' ],
	expect: { log: [] },
	reject: true
});

function lineOf(entry) {
	const time = new Date(entry.time).toLocaleString();

	return '%s  %-6s %s'.format(time, SEVERITIES[entry.priority & 7], entry.msg.replace(OURS, ''));
}

return view.extend({
	handleSaveApply: null,
	handleSave: null,
	handleReset: null,

	fetch: function() {
		return readLog(LINES, false, true).then((entries) => {
			const lines = entries.filter((entry) => OURS.test(entry.msg)).map(lineOf);

			return lines.length > 0 ? lines.join('\n') : _('The log has no line of the file server.');
		}).catch((error) => error.message || String(error));
	},

	render: function() {
		return this.fetch().then((text) => {
			const box = E('textarea', {
				'id': 'minismbd-log',
				'readonly': 'readonly',
				'wrap': 'off',
				'rows': 25,
				'style': 'width:100%; font-family:monospace; font-size:12px'
			});
			const show = (shown) => {
				const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 4;

				box.value = shown;
				if (isAtEnd)
					box.scrollTop = box.scrollHeight;
			};

			show(text);
			poll.add(() => this.fetch().then(show), 5);

			return E('div', { 'class': 'cbi-map' }, [ E('h2', {}, [ _('Log') ]), E('div', { 'class': 'cbi-section' }, [ box ]) ]);
		});
	}
});
