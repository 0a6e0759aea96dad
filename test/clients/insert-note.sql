INSERT INTO note VALUES ('of a file');
