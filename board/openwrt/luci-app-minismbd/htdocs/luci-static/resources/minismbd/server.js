// What the pages share: the calls of the ubus object `minismbd`, and how its answers are shown.
//
// LuCI parses a string that is the only child of E() as HTML, and makes text of one in an array. Whatever clients,
// disks or the configuration have named is therefore always in an array.
'use strict';
'require baseclass';
'require poll';
'require rpc';
'require ui';

const DIALECTS = { 0x0202: '2.0.2', 0x0210: '2.1', 0x0300: '3.0', 0x0302: '3.0.2', 0x0311: '3.1.1' };

/** Resolves to the items of the answer, or to the answer where it has none; rejects with what the server says. */
function declare(method, params) {
	const send = rpc.declare({ object: 'minismbd', method: method, params: params, reject: true });

	return (...values) => send(...values).then((answer) => {
		if (answer && answer.error)
			throw new Error(answer.error);

		return (answer && answer.items) || answer || [];
	});
}

function report(error) {
	ui.addNotification(null, E('p', {}, [ error.message || String(error) ]), 'danger');
}

return baseclass.extend({
	status: declare('status'),
	sessions: declare('sessions'),
	disks: declare('disks'),
	users: declare('users'),
	testparm: declare('testparm'),
	addUser: declare('adduser', [ 'user', 'password' ]),
	setPassword: declare('passwd', [ 'user', 'password' ]),
	deleteUser: declare('deluser', [ 'user' ]),
	kickSession: declare('kick', [ 'session' ]),
	eject: declare('eject', [ 'path' ]),

	report: report,

	/** A node that shows what `fetch` resolves to, now and every few seconds, or why there is nothing. */
	live: function(fetch, draw, seconds) {
		const place = E('div', { 'class': 'cbi-section' });
		const show = () => fetch().then(draw).catch((error) =>
			E('p', { 'class': 'alert-message warning' }, [ error.message || String(error) ])
		).then((node) => L.dom.content(place, [ node ]));

		place.refresh = show;
		poll.add(show, seconds);

		return show().then(() => place);
	},

	/** Each cell is text, or an array of nodes and texts. */
	table: function(id, titles, rows, empty) {
		const cellOf = (cell) => Array.isArray(cell) ? cell : [ String(cell) ];
		const head = E('tr', { 'class': 'tr table-titles' },
			titles.map((title) => E('th', { 'class': 'th' }, [ title ])));
		const body = rows.map((cells) => E('tr', { 'class': 'tr' }, cells.map((cell, i) =>
			E('td', { 'class': 'td', 'data-title': titles[i], 'style': 'overflow-wrap:anywhere' }, cellOf(cell)))));

		if (body.length == 0)
			body.push(E('tr', { 'class': 'tr placeholder' },
				[ E('td', { 'class': 'td', 'colspan': titles.length }, [ E('em', {}, [ empty ]) ]) ]));

		return E('table', { 'class': 'table cbi-section-table', 'id': id }, [ head, ...body ]);
	},

	/** Users of LuCI who may only look get none that works. */
	button: function(kind, text, click) {
		const isAllowed = kind == 'neutral' || L.hasViewPermission();

		return E('button', {
			'class': 'btn cbi-button cbi-button-' + kind,
			'click': click,
			'disabled': isAllowed ? null : 'disabled'
		}, [ text ]);
	},

	/** Asks; `confirm` is called where the answer is yes, and its failure is shown. */
	ask: function(title, nodes, kind, yes, confirm) {
		const act = ui.createHandlerFn(this, () => confirm().then(ui.hideModal, (error) => {
			ui.hideModal();
			report(error);
		}));

		ui.showModal([ title ], [
			...nodes,
			E('div', { 'class': 'right' }, [
				this.button('neutral', _('Cancel'), ui.hideModal),
				' ',
				this.button(kind, yes, act)
			])
		]);
	},

	bytes: function(count) {
		return '%1024.1mB'.format(count);
	},

	duration: function(ms) {
		const seconds = Math.floor(ms / 1000);

		return seconds < 60 ? '%ds'.format(seconds) : '%t'.format(seconds);
	},

	dialect: function(number) {
		return 'SMB ' + (DIALECTS[number] || '0x%04x'.format(number));
	}
});
