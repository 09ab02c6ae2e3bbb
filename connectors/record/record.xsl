<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!--
  record.xsl - common records as they are: one record or a file of records. What is left to do is what every mapping is
  followed by: the disclosure profile, the schema, the canonical bytes.
-->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:kw="urn:kinward:mapping:1"
  exclude-result-prefixes="kw">
  <kw:mapping id="record" version="1" format="xml"/>

  <xsl:template match="/">
    <xsl:copy-of select="*"/>
  </xsl:template>
</xsl:stylesheet>
