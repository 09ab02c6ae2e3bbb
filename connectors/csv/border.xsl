<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!--
  border.xsl - rows of a border service's CSV files to common records: document checks and border crossings, documents issued,
  renewed, lost, stolen and revoked, travel consents granted and revoked, notices of missing and endangered children.
  README.md in this folder has the columns. A column that is not there counts as empty; one that is not known is refused, so
  that a misspelt name cannot lose anything.
-->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:kw="urn:kinward:mapping:1"
  xmlns="urn:kinward:record:1" exclude-result-prefixes="kw">
  <kw:mapping id="csv-border" version="1" format="csv"/>
  <xsl:include href="border-parties.xsl"/>

  <xsl:param name="registry" select="'border'"/>
  <xsl:param name="system" select="'csv'"/>
  <xsl:param name="jurisdiction" select="'ZZ'"/>
  <!-- Order of day and month where the files write 07/05/2019, and their calendar: "dmy", "mdy", "dmy ethiopic". -->
  <xsl:param name="dates"/>
  <xsl:param name="raw-hash"/>
  <xsl:param name="mapping-id"/>
  <xsl:param name="mapping-version"/>
  <xsl:param name="profile"/>

  <xsl:variable name="columns" select="' record_id version event at status number post_id post_name place_name place_country locode place_type direction outcome outcome_reason transport carrier journey origin_country destination_country return_on purpose group_reference group_size accompanied consent_presented consent_number consent_authority officer_id document_type document_number document_series document_country document_authority document_issued_on document_expires_on document_status document_replaces application_number application_on reason reason_text report_number reported_to blank birth_registration_number consent_form authority authority_id valid_from valid_to destinations uses unaccompanied any_companion sole_authority revoked_on kind owner owner_id owner_phone owner_email action opened_on closed_on closing_reason last_seen_on last_seen_at last_seen_country suspected_destinations court_order reporter_may_be_danger circumstances note '"/>
  <xsl:variable name="persons" select="' child escort companion1 companion2 companion3 companion4 holder applicant giver1 giver2 '"/>
  <xsl:variable name="person-columns" select="' given family full_name sex birth_date age citizenship national_id national_id_country birth_registration birth_registration_country document_type document_number document_country document_expires_on document_mrz1 document_mrz2 document_mrz_valid document_verified relationship authority address country '"/>

  <xsl:template match="/rows">
    <xsl:for-each select="row[1]/cell">
      <xsl:variable name="person" select="substring-before(@name, '_')"/>
      <xsl:if test="not(contains($columns, concat(' ', @name, ' '))) and not($person != '' and contains($persons, concat(' ', $person, ' ')) and contains($person-columns, concat(' ', substring-after(@name, '_'), ' ')))">
        <xsl:message terminate="yes">column <xsl:value-of select="@name"/> is not known</xsl:message>
      </xsl:if>
    </xsl:for-each>
    <records>
      <xsl:apply-templates select="row"/>
    </records>
  </xsl:template>

  <xsl:template name="cell">
    <xsl:param name="name"/>
    <xsl:value-of select="kw:text(cell[@name = $name])"/>
  </xsl:template>

  <!-- Elements from cells of the row in the context; nothing where the cell is empty or not there. -->

  <xsl:template name="text">
    <xsl:param name="element"/>
    <xsl:param name="cell"/>
    <xsl:variable name="value" select="kw:text(cell[@name = $cell])"/>
    <xsl:if test="$value != ''"><xsl:element name="{$element}"><xsl:value-of select="$value"/></xsl:element></xsl:if>
  </xsl:template>

  <xsl:template name="date">
    <xsl:param name="element"/>
    <xsl:param name="cell"/>
    <xsl:if test="kw:text(cell[@name = $cell]) != ''">
      <xsl:element name="{$element}"><xsl:copy-of select="kw:date(cell[@name = $cell], $dates)"/></xsl:element>
    </xsl:if>
  </xsl:template>

  <!-- true and false in the words that people write; anything else is refused by the schema, in its place. -->
  <xsl:template name="boolean">
    <xsl:param name="element"/>
    <xsl:param name="cell"/>
    <xsl:variable name="value" select="kw:lower(kw:text(cell[@name = $cell]))"/>
    <xsl:if test="$value != ''">
      <xsl:element name="{$element}">
        <xsl:choose>
          <xsl:when test="$value = '1' or $value = 'yes' or $value = 'y' or $value = 'true'">true</xsl:when>
          <xsl:when test="$value = '0' or $value = 'no' or $value = 'n' or $value = 'false'">false</xsl:when>
          <xsl:otherwise><xsl:value-of select="$value"/></xsl:otherwise>
        </xsl:choose>
      </xsl:element>
    </xsl:if>
  </xsl:template>

  <xsl:template match="row">
    <xsl:variable name="event" select="kw:lower(kw:text(cell[@name = 'event']))"/>
    <xsl:variable name="known" select="' document_check border_crossing document_issued document_renewed document_lost document_stolen document_revoked travel_consent_granted travel_consent_revoked missing_child_opened missing_child_closed at_risk_opened at_risk_closed '"/>
    <xsl:if test="$event = '' or not(contains($known, concat(' ', $event, ' ')))">
      <xsl:message terminate="yes">row <xsl:value-of select="@n"/>: the event is not one of <xsl:value-of select="normalize-space($known)"/></xsl:message>
    </xsl:if>
    <xsl:variable name="content">
      <xsl:for-each select="cell[. != '']"><xsl:value-of select="concat(@name, '=', ., '&#10;')"/></xsl:for-each>
    </xsl:variable>
    <xsl:variable name="is-check" select="$event = 'document_check' or $event = 'border_crossing'"/>
    <xsl:variable name="is-document" select="starts-with($event, 'document_') and not($is-check)"/>
    <xsl:variable name="is-consent" select="starts-with($event, 'travel_consent_')"/>
    <record>
      <xsl:call-template name="source"><xsl:with-param name="content" select="string($content)"/></xsl:call-template>
      <eventType><xsl:value-of select="$event"/></eventType>
      <xsl:choose>
        <xsl:when test="kw:text(cell[@name = 'status']) = ''"><status>registered</status></xsl:when>
        <xsl:otherwise><xsl:copy-of select="kw:coded('status', 'status', cell[@name = 'status'])"/></xsl:otherwise>
      </xsl:choose>
      <xsl:call-template name="event"/>
      <xsl:if test="kw:text(cell[@name = 'number']) != '' and not($is-check)">
        <registration><xsl:call-template name="text"><xsl:with-param name="element" select="'number'"/><xsl:with-param name="cell" select="'number'"/></xsl:call-template></registration>
      </xsl:if>
      <xsl:call-template name="parties"><xsl:with-param name="event" select="$event"/></xsl:call-template>
      <xsl:choose>
        <xsl:when test="$is-document">
          <xsl:call-template name="document"><xsl:with-param name="event" select="$event"/></xsl:call-template>
          <xsl:call-template name="document-event"/>
        </xsl:when>
        <xsl:when test="$is-consent"><xsl:call-template name="consent"/></xsl:when>
        <xsl:when test="$is-check"><xsl:call-template name="check"/></xsl:when>
        <xsl:otherwise><xsl:call-template name="notice"/></xsl:otherwise>
      </xsl:choose>
      <handling>
        <classification>
          <xsl:choose>
            <xsl:when test="$is-check or $is-document or $is-consent">restricted</xsl:when>
            <xsl:otherwise>confidential</xsl:otherwise>
          </xsl:choose>
        </classification>
        <xsl:if test="not($is-check or $is-document or $is-consent)"><protectedChild>true</protectedChild></xsl:if>
        <xsl:if test="$profile != ''"><redactionProfile><xsl:value-of select="$profile"/></redactionProfile></xsl:if>
      </handling>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'note'"/><xsl:with-param name="cell" select="'note'"/></xsl:call-template>
    </record>
  </xsl:template>

  <!-- A file has no versions: where the row states none, its content is its version, so that a changed row is seen. -->
  <xsl:template name="source">
    <xsl:param name="content"/>
    <sourceRecord>
      <registry><xsl:value-of select="$registry"/></registry>
      <system><xsl:value-of select="$system"/></system>
      <jurisdiction><xsl:value-of select="$jurisdiction"/></jurisdiction>
      <id>
        <xsl:choose>
          <xsl:when test="kw:text(cell[@name = 'record_id']) != ''"><xsl:value-of select="kw:text(cell[@name = 'record_id'])"/></xsl:when>
          <xsl:otherwise><xsl:value-of select="concat('row-', kw:id($content))"/></xsl:otherwise>
        </xsl:choose>
      </id>
      <version>
        <xsl:choose>
          <xsl:when test="kw:text(cell[@name = 'version']) != ''"><xsl:value-of select="kw:text(cell[@name = 'version'])"/></xsl:when>
          <xsl:otherwise><xsl:value-of select="kw:id($content)"/></xsl:otherwise>
        </xsl:choose>
      </version>
      <rawFormat><xsl:value-of select="$mapping-id"/></rawFormat>
      <rawHash><xsl:value-of select="$raw-hash"/></rawHash>
      <mapping>
        <id><xsl:value-of select="$mapping-id"/></id>
        <version><xsl:value-of select="$mapping-version"/></version>
      </mapping>
    </sourceRecord>
  </xsl:template>

  <xsl:template name="event">
    <event>
      <date><xsl:copy-of select="kw:date(cell[@name = 'at'], $dates)"/></date>
      <xsl:if test="kw:text(concat(cell[@name = 'place_name'], cell[@name = 'place_country'], cell[@name = 'locode'], cell[@name = 'place_type'])) != ''">
        <place>
          <xsl:call-template name="text"><xsl:with-param name="element" select="'geographicName'"/><xsl:with-param name="cell" select="'place_name'"/></xsl:call-template>
          <xsl:copy-of select="kw:coded('country', 'country', cell[@name = 'place_country'])"/>
          <xsl:call-template name="text"><xsl:with-param name="element" select="'locode'"/><xsl:with-param name="cell" select="'locode'"/></xsl:call-template>
          <xsl:copy-of select="kw:coded('type', 'place-type', cell[@name = 'place_type'])"/>
        </place>
      </xsl:if>
    </event>
  </xsl:template>

  <xsl:template name="country-place">
    <xsl:param name="element"/>
    <xsl:param name="cell"/>
    <xsl:if test="kw:text(cell[@name = $cell]) != ''">
      <xsl:element name="{$element}"><xsl:copy-of select="kw:coded('country', 'country', cell[@name = $cell])"/></xsl:element>
    </xsl:if>
  </xsl:template>

  <!-- A required code: unknown where the cell is empty. -->
  <xsl:template name="required-code">
    <xsl:param name="element"/>
    <xsl:param name="list"/>
    <xsl:param name="cell"/>
    <xsl:choose>
      <xsl:when test="kw:text(cell[@name = $cell]) = ''"><xsl:element name="{$element}">unknown</xsl:element></xsl:when>
      <xsl:otherwise><xsl:copy-of select="kw:coded($element, $list, cell[@name = $cell])"/></xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <xsl:template name="check">
    <check>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'reference'"/><xsl:with-param name="cell" select="'number'"/></xsl:call-template>
      <xsl:call-template name="required-code"><xsl:with-param name="element" select="'direction'"/><xsl:with-param name="list" select="'direction'"/><xsl:with-param name="cell" select="'direction'"/></xsl:call-template>
      <xsl:call-template name="required-code"><xsl:with-param name="element" select="'outcome'"/><xsl:with-param name="list" select="'check-outcome'"/><xsl:with-param name="cell" select="'outcome'"/></xsl:call-template>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'outcomeReason'"/><xsl:with-param name="cell" select="'outcome_reason'"/></xsl:call-template>
      <xsl:if test="kw:text(concat(cell[@name = 'post_id'], cell[@name = 'post_name'])) != ''">
        <post>
          <xsl:call-template name="text"><xsl:with-param name="element" select="'id'"/><xsl:with-param name="cell" select="'post_id'"/></xsl:call-template>
          <xsl:call-template name="text"><xsl:with-param name="element" select="'name'"/><xsl:with-param name="cell" select="'post_name'"/></xsl:call-template>
        </post>
      </xsl:if>
      <xsl:copy-of select="kw:coded('transport', 'transport', cell[@name = 'transport'])"/>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'carrier'"/><xsl:with-param name="cell" select="'carrier'"/></xsl:call-template>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'journey'"/><xsl:with-param name="cell" select="'journey'"/></xsl:call-template>
      <xsl:call-template name="country-place"><xsl:with-param name="element" select="'origin'"/><xsl:with-param name="cell" select="'origin_country'"/></xsl:call-template>
      <xsl:call-template name="country-place"><xsl:with-param name="element" select="'destination'"/><xsl:with-param name="cell" select="'destination_country'"/></xsl:call-template>
      <xsl:call-template name="date"><xsl:with-param name="element" select="'intendedReturn'"/><xsl:with-param name="cell" select="'return_on'"/></xsl:call-template>
      <xsl:copy-of select="kw:coded('purpose', 'travel-purpose', cell[@name = 'purpose'])"/>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'groupReference'"/><xsl:with-param name="cell" select="'group_reference'"/></xsl:call-template>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'groupSize'"/><xsl:with-param name="cell" select="'group_size'"/></xsl:call-template>
      <xsl:copy-of select="kw:coded('accompanied', 'accompanied', cell[@name = 'accompanied'])"/>
      <xsl:copy-of select="kw:coded('consentPresented', 'consent-presented', cell[@name = 'consent_presented'])"/>
      <xsl:if test="kw:text(concat(cell[@name = 'consent_number'], cell[@name = 'consent_authority'])) != ''">
        <consent>
          <xsl:call-template name="text"><xsl:with-param name="element" select="'number'"/><xsl:with-param name="cell" select="'consent_number'"/></xsl:call-template>
          <xsl:call-template name="text"><xsl:with-param name="element" select="'authority'"/><xsl:with-param name="cell" select="'consent_authority'"/></xsl:call-template>
        </consent>
      </xsl:if>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'officer'"/><xsl:with-param name="cell" select="'officer_id'"/></xsl:call-template>
    </check>
  </xsl:template>

  <xsl:template name="document">
    <xsl:param name="event"/>
    <document>
      <xsl:call-template name="required-code"><xsl:with-param name="element" select="'type'"/><xsl:with-param name="list" select="'document-type'"/><xsl:with-param name="cell" select="'document_type'"/></xsl:call-template>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'number'"/><xsl:with-param name="cell" select="'document_number'"/></xsl:call-template>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'series'"/><xsl:with-param name="cell" select="'document_series'"/></xsl:call-template>
      <xsl:copy-of select="kw:coded('issuingCountry', 'country', cell[@name = 'document_country'])"/>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'issuingAuthority'"/><xsl:with-param name="cell" select="'document_authority'"/></xsl:call-template>
      <xsl:call-template name="date"><xsl:with-param name="element" select="'issuedOn'"/><xsl:with-param name="cell" select="'document_issued_on'"/></xsl:call-template>
      <xsl:call-template name="date"><xsl:with-param name="element" select="'expiresOn'"/><xsl:with-param name="cell" select="'document_expires_on'"/></xsl:call-template>
      <xsl:choose>
        <xsl:when test="kw:text(cell[@name = 'document_status']) != ''"><xsl:copy-of select="kw:coded('status', 'document-status', cell[@name = 'document_status'])"/></xsl:when>
        <xsl:when test="$event = 'document_issued' or $event = 'document_renewed'"><status>valid</status></xsl:when>
        <xsl:when test="$event = 'document_stolen' and contains(' 1 yes y true ', concat(' ', kw:lower(kw:text(cell[@name = 'blank'])), ' '))"><status>stolen_blank</status></xsl:when>
        <xsl:otherwise><status><xsl:value-of select="substring-after($event, 'document_')"/></status></xsl:otherwise>
      </xsl:choose>
      <xsl:if test="kw:text(cell[@name = 'document_replaces']) != ''">
        <replaces><xsl:call-template name="text"><xsl:with-param name="element" select="'number'"/><xsl:with-param name="cell" select="'document_replaces'"/></xsl:call-template></replaces>
      </xsl:if>
      <xsl:if test="kw:text(cell[@name = 'birth_registration_number']) != ''">
        <basedOn><xsl:call-template name="text"><xsl:with-param name="element" select="'registrationNumber'"/><xsl:with-param name="cell" select="'birth_registration_number'"/></xsl:call-template></basedOn>
      </xsl:if>
    </document>
  </xsl:template>

  <xsl:template name="document-event">
    <xsl:if test="kw:text(concat(cell[@name = 'application_number'], cell[@name = 'application_on'], cell[@name = 'reason'], cell[@name = 'reason_text'], cell[@name = 'report_number'], cell[@name = 'reported_to'], cell[@name = 'blank'])) != ''">
      <documentEvent>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'applicationNumber'"/><xsl:with-param name="cell" select="'application_number'"/></xsl:call-template>
        <xsl:call-template name="date"><xsl:with-param name="element" select="'applicationDate'"/><xsl:with-param name="cell" select="'application_on'"/></xsl:call-template>
        <xsl:copy-of select="kw:coded('reason', 'document-reason', cell[@name = 'reason'])"/>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'reasonText'"/><xsl:with-param name="cell" select="'reason_text'"/></xsl:call-template>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'reportNumber'"/><xsl:with-param name="cell" select="'report_number'"/></xsl:call-template>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'reportedTo'"/><xsl:with-param name="cell" select="'reported_to'"/></xsl:call-template>
        <xsl:call-template name="boolean"><xsl:with-param name="element" select="'blank'"/><xsl:with-param name="cell" select="'blank'"/></xsl:call-template>
      </documentEvent>
    </xsl:if>
  </xsl:template>

  <xsl:template name="consent">
    <travelConsent>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'number'"/><xsl:with-param name="cell" select="'number'"/></xsl:call-template>
      <xsl:copy-of select="kw:coded('form', 'consent-form', cell[@name = 'consent_form'])"/>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'authority'"/><xsl:with-param name="cell" select="'authority'"/></xsl:call-template>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'authorityId'"/><xsl:with-param name="cell" select="'authority_id'"/></xsl:call-template>
      <xsl:call-template name="date"><xsl:with-param name="element" select="'validFrom'"/><xsl:with-param name="cell" select="'valid_from'"/></xsl:call-template>
      <xsl:call-template name="date"><xsl:with-param name="element" select="'validTo'"/><xsl:with-param name="cell" select="'valid_to'"/></xsl:call-template>
      <xsl:for-each select="kw:split(cell[@name = 'destinations'], ';')"><xsl:copy-of select="kw:coded('destination', 'country', .)"/></xsl:for-each>
      <xsl:copy-of select="kw:coded('uses', 'consent-uses', cell[@name = 'uses'])"/>
      <xsl:copy-of select="kw:coded('purpose', 'travel-purpose', cell[@name = 'purpose'])"/>
      <xsl:call-template name="boolean"><xsl:with-param name="element" select="'unaccompanied'"/><xsl:with-param name="cell" select="'unaccompanied'"/></xsl:call-template>
      <xsl:call-template name="boolean"><xsl:with-param name="element" select="'anyCompanion'"/><xsl:with-param name="cell" select="'any_companion'"/></xsl:call-template>
      <xsl:call-template name="boolean"><xsl:with-param name="element" select="'soleAuthority'"/><xsl:with-param name="cell" select="'sole_authority'"/></xsl:call-template>
      <xsl:call-template name="date"><xsl:with-param name="element" select="'revokedOn'"/><xsl:with-param name="cell" select="'revoked_on'"/></xsl:call-template>
      <xsl:if test="kw:text(cell[@name = 'event']) != 'travel_consent_granted'">
        <xsl:call-template name="text"><xsl:with-param name="element" select="'revocationReason'"/><xsl:with-param name="cell" select="'reason_text'"/></xsl:call-template>
      </xsl:if>
    </travelConsent>
  </xsl:template>

  <xsl:template name="notice">
    <notice>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'number'"/><xsl:with-param name="cell" select="'number'"/></xsl:call-template>
      <xsl:call-template name="required-code"><xsl:with-param name="element" select="'kind'"/><xsl:with-param name="list" select="'notice-kind'"/><xsl:with-param name="cell" select="'kind'"/></xsl:call-template>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'owner'"/><xsl:with-param name="cell" select="'owner'"/></xsl:call-template>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'ownerId'"/><xsl:with-param name="cell" select="'owner_id'"/></xsl:call-template>
      <xsl:for-each select="cell[@name = 'owner_phone' or @name = 'owner_email'][kw:text(.) != '']">
        <ownerContact><type><xsl:value-of select="substring-after(@name, 'owner_')"/></type><value><xsl:value-of select="kw:text(.)"/></value></ownerContact>
      </xsl:for-each>
      <xsl:copy-of select="kw:coded('action', 'notice-action', cell[@name = 'action'])"/>
      <xsl:call-template name="date"><xsl:with-param name="element" select="'openedOn'"/><xsl:with-param name="cell" select="'opened_on'"/></xsl:call-template>
      <xsl:call-template name="date"><xsl:with-param name="element" select="'validTo'"/><xsl:with-param name="cell" select="'valid_to'"/></xsl:call-template>
      <xsl:call-template name="date"><xsl:with-param name="element" select="'closedOn'"/><xsl:with-param name="cell" select="'closed_on'"/></xsl:call-template>
      <xsl:copy-of select="kw:coded('closingReason', 'closing-reason', cell[@name = 'closing_reason'])"/>
      <xsl:call-template name="date"><xsl:with-param name="element" select="'lastSeenOn'"/><xsl:with-param name="cell" select="'last_seen_on'"/></xsl:call-template>
      <xsl:if test="kw:text(concat(cell[@name = 'last_seen_at'], cell[@name = 'last_seen_country'])) != ''">
        <lastSeenAt>
          <xsl:call-template name="text"><xsl:with-param name="element" select="'geographicName'"/><xsl:with-param name="cell" select="'last_seen_at'"/></xsl:call-template>
          <xsl:copy-of select="kw:coded('country', 'country', cell[@name = 'last_seen_country'])"/>
        </lastSeenAt>
      </xsl:if>
      <xsl:for-each select="kw:split(cell[@name = 'suspected_destinations'], ';')"><xsl:copy-of select="kw:coded('suspectedDestination', 'country', .)"/></xsl:for-each>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'courtOrder'"/><xsl:with-param name="cell" select="'court_order'"/></xsl:call-template>
      <xsl:call-template name="boolean"><xsl:with-param name="element" select="'reporterMayBeDanger'"/><xsl:with-param name="cell" select="'reporter_may_be_danger'"/></xsl:call-template>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'circumstances'"/><xsl:with-param name="cell" select="'circumstances'"/></xsl:call-template>
    </notice>
  </xsl:template>
</xsl:stylesheet>
