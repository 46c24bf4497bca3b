// Users: add, change the password, delete.
'use strict';
'require view';
'require minismbd.server as server';

function field(id, type, text) {
	const input = E('input', {
		'class': 'cbi-input-' + (type == 'password' ? 'password' : 'text'),
		'id': id,
		'type': type,
		'autocomplete': type == 'password' ? 'new-password' : 'off',
		'autocapitalize': 'none',
		'spellcheck': 'false'
	});

	return {
		input: input,
		node: E('div', { 'class': 'cbi-value' }, [
			E('label', { 'class': 'cbi-value-title', 'for': id }, [ text ]),
			E('div', { 'class': 'cbi-value-field' }, [ input ])
		])
	};
}

/** Two fields for a password; `take` throws where they differ. */
function passwordFields() {
	const first = field('minismbd-password', 'password', _('Password'));
	const second = field('minismbd-password-again', 'password', _('Password again'));

	return {
		nodes: [ first.node, second.node ],
		take: () => {
			if (first.input.value == '')
				throw new Error(_('The password is empty.'));

			if (first.input.value != second.input.value)
				throw new Error(_('The passwords differ.'));

			return first.input.value;
		}
	};
}

return view.extend({
	handleSaveApply: null,
	handleSave: null,
	handleReset: null,

	add: function() {
		const name = field('minismbd-user', 'text', _('Name'));
		const password = passwordFields();

		server.ask(_('Add user'), [ name.node, ...password.nodes ], 'positive', _('Add user'), async () => {
			await server.addUser(name.input.value, password.take());

			return this.place.refresh();
		});
	},

	change: function(user) {
		const password = passwordFields();

		server.ask(_('Change password'), [ E('p', {}, [ user ]), ...password.nodes ], 'positive', _('Change password'),
			async () => server.setPassword(user, password.take()));
	},

	remove: function(user) {
		server.ask(_('Delete user'), [
			E('p', {}, [ user ]),
			E('p', {}, [ _('The user is disconnected at once. Files stay.') ])
		], 'negative', _('Delete user'), () => server.deleteUser(user).then(() => this.place.refresh()));
	},

	draw: function(users) {
		return server.table('minismbd-users', [ _('Name'), '' ], users.map(({ name }) => [ name, [
			server.button('edit', _('Change password'), () => this.change(name)),
			' ',
			server.button('remove', _('Delete user'), () => this.remove(name))
		] ]), _('There is no user yet. Without one, only guests can connect, and Windows refuses to be a guest.'));
	},

	render: function() {
		return server.live(() => server.users(), (users) => this.draw(users), 10).then((place) => {
			this.place = place;

			return E('div', { 'class': 'cbi-map' }, [
				E('h2', {}, [ _('Users') ]),
				E('div', { 'class': 'cbi-map-descr' }, [
					_('These users belong to the file server alone; they need no account on the router.')
				]),
				place,
				E('div', { 'class': 'cbi-section-create' }, [ server.button('add', _('Add user'), () => this.add()) ])
			]);
		});
	}
});
