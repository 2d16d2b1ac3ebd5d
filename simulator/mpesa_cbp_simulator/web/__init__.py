"""What people and tests reach over HTTP beside the broker's endpoint: the page and the API."""
